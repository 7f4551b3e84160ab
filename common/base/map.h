/*
 * A file that is mapped for reading. To look at an octet that the disk does not give back, or that
 * was cut off meanwhile, ends the process; so who looks asks first.
 */
#ifndef COMMON_BASE_MAP_H
#define COMMON_BASE_MAP_H

#include "common/base/slice.h"

/*
 * Has the system read all of it, which takes its time. False: an octet of it cannot be had. Only
 * Linux from 5.14 on can be asked; elsewhere it is true.
 */
bool map_is_readable(struct slice map);

#endif
