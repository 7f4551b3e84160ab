#include "common/ipc/lookup_parent.h"

IPC_DEFINE(LOOKUP_PARENT)
