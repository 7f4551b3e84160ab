#include "common/ipc/any_mailbox.h"

IPC_DEFINE(ANY_MAILBOX)
