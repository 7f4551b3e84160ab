/*
 * The filter of system calls on Linux (seccomp). It sees numbers and flags, never a path or
 * an address behind a pointer; those are Landlock's and the chroot's part.
 */
#ifndef COMMON_SANDBOX_FILTER_H
#define COMMON_SANDBOX_FILTER_H

#include "common/base/error.h"

#include <stdbool.h>

/*
 * Refuses to all threads what a process that may do this (enum sandbox_may) does not need;
 * *walls gains WALL_CALLS. A refused call fails with EPERM and is audited; with
 * KURIR_SANDBOX_KILL=1 in the environment it kills the process, so that a test cannot miss it.
 */
bool filter_enter(unsigned may, unsigned *walls, struct error *e);

#endif
