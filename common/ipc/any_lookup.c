#include "common/ipc/any_lookup.h"

IPC_DEFINE(ANY_LOOKUP)
