#include "common/ipc/queue_agent.h"

IPC_DEFINE(QUEUE_AGENT)
