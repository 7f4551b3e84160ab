#include "common/ipc/ctl_parent.h"

IPC_DEFINE(CTL_PARENT)
