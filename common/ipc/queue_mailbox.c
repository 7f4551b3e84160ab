#include "common/ipc/queue_mailbox.h"

IPC_DEFINE(QUEUE_MAILBOX)
