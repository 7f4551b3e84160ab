/* What a folder holds: whether anything, and whether the disk has the names for good. */
#ifndef COMMON_BASE_FOLDER_H
#define COMMON_BASE_FOLDER_H

#include <stdbool.h>

/*
 * Both take a folder's descriptor and close it, or the -1 of an open(2) that failed, so that the
 * caller's flags say how strictly it is opened. False with errno.
 */

/* What was made, renamed or removed in it survives a power cut from now on. Blocks. */
bool folder_sync(int fd);

/* Read from where the descriptor stands. False also when it cannot be read. */
bool folder_is_empty(int fd);

#endif
