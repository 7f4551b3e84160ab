#include "common/ipc/queue_relay.h"

IPC_DEFINE(QUEUE_RELAY)
