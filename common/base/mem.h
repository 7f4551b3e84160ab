/*
 * Memory that is there or the process is not. Sizes are bounded before they come here, so
 * running out is a fault of the machine: the process aborts and its parent restarts it.
 */
#ifndef COMMON_BASE_MEM_H
#define COMMON_BASE_MEM_H

#include <stddef.h>
#include <stdlib.h>

/* Gives size octets, all zero; the caller frees them with free(3). */
void *mem_zero(size_t size);

/* Gives an array of n items of the given size, all zero. */
void *mem_array(size_t n, size_t size);

/* Gives old grown or shrunk to size octets; takes old. */
void *mem_resize(void *old, size_t size);

/* Gives what was freed back to the system, where the C library can. It takes a moment: for when much
 * was freed, and not soon again. */
void mem_give_back(void);

/* Gives a copy of the len octets at data, with a NUL after them. */
char *mem_text(const char *data, size_t len);

#endif
