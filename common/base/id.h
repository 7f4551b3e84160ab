/*
 * Names for things in flight. A message id is a 64-bit number that grows with time and is
 * never used twice; people see it as 13 characters of Crockford's base 32. A session id is
 * random. A token is an unguessable 128-bit secret.
 */
#ifndef COMMON_BASE_ID_H
#define COMMON_BASE_ID_H

#include "common/base/slice.h"

enum {
	ID_TEXT = 14, /* 13 characters and a NUL */
	TOKEN_OCTETS = 16,
};

/* The next message id after last (0: the first of this run), from the civil clock in ms. */
uint64_t id_next(uint64_t last, int64_t civil_ms);

/* A random id for a session; never 0. */
uint64_t id_random(void);

/* Writes 13 characters and a NUL; returns out. */
const char *id_format(uint64_t id, char out[ID_TEXT]);

/* Reads 13 characters of either case; false for anything else. */
bool id_parse(struct slice text, uint64_t *id);

/* Fills with 128 unguessable bits. */
void token_make(unsigned char token[TOKEN_OCTETS]);

#endif
