#include "common/ipc/lookup_mailbox.h"

IPC_DEFINE(LOOKUP_MAILBOX)
