/*
 * What every fuzz target includes. A target is one file with one LLVMFuzzerTestOneInput(): it hands
 * the octets to a parser and asserts what must hold of the outcome for any octets at all. With
 * libFuzzer it is fuzzed, with replay.c it runs its seeds as a test. It takes linear time itself.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "common/base/buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold; where it does not, the target aborts, and the input is a find. */
#define PROPERTY(x) ((x) ? (void)0 : property_broken(__FILE__, __LINE__, #x))

_Noreturn static inline void
property_broken(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

static inline struct slice
fuzz_slice(const uint8_t *data, size_t size)
{
	return slice_make((const char *)data, size);
}

/* Takes an octet off the input, for what the target must choose; 0 at the end. */
static inline unsigned
fuzz_octet(struct slice *in)
{
	unsigned c = in->len > 0 ? (unsigned char)in->data[0] : 0;

	*in = slice_from(*in, 1);
	return c;
}

/* Whether text has no octet below a blank, and no DEL. */
static inline bool
fuzz_is_printable(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if ((unsigned char)s.data[i] < ' ' || s.data[i] == 127)
			return false;
	}
	return true;
}

/* Whether text has no CR, LF or NUL. */
static inline bool
fuzz_is_one_line(struct slice s)
{
	return slice_find(s, '\r') < 0 && slice_find(s, '\n') < 0 && slice_find(s, '\0') < 0;
}

/* Whether part lies in whole; an empty one may lie anywhere. */
static inline bool
fuzz_lies_in(struct slice part, struct slice whole)
{
	return part.len == 0 ||
	       (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

#endif
