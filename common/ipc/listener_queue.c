#include "common/ipc/listener_queue.h"

IPC_DEFINE(LISTENER_QUEUE)
