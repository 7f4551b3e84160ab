/* What write(2) and send(2) may do by halves, done whole. */
#ifndef COMMON_BASE_WHOLE_H
#define COMMON_BASE_WHOLE_H

#include "common/base/slice.h"

/* Writes all the octets to a file or a pipe that blocks. False, with errno: not all of them. */
bool whole_write(int fd, struct slice octets);

/* The same to a socket that blocks; whose other side is gone is an error, and no signal. */
bool whole_send(int fd, struct slice octets);

#endif
