#include "common/ipc/parent_any.h"

IPC_DEFINE(PARENT_ANY)
