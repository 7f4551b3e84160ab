/*
 * Linux's own check on files and TCP, by path and port. It works beside the filter of system
 * calls, which cannot look at a path. Older kernels know less of it or nothing.
 */
#ifndef COMMON_SANDBOX_LANDLOCK_H
#define COMMON_SANDBOX_LANDLOCK_H

#include "common/sandbox/sandbox.h"

/* Confines this thread to the paths (may be NULL); *walls gains what the kernel could give. */
bool landlock_enter(
    unsigned may, const struct sandbox_paths *paths, unsigned *walls, struct error *e);

#endif
