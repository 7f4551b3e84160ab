#include "common/ipc/any_keyholder.h"

IPC_DEFINE(ANY_KEYHOLDER)
