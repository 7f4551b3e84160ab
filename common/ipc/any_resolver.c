#include "common/ipc/any_resolver.h"

IPC_DEFINE(ANY_RESOLVER)
