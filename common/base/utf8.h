/*
 * UTF-8 as RFC 3629 has it: nothing overlong, no surrogate, nothing above U+10FFFF. Outside
 * octets are read with utf8_next(), which never fails and never reaches past the slice.
 */
#ifndef COMMON_BASE_UTF8_H
#define COMMON_BASE_UTF8_H

#include "common/base/slice.h"

enum {
	UTF8_REPLACEMENT = 0xFFFD,
	UTF8_LONGEST = 4, /* octets of one character */
};

/* The first character of s, which is not empty: its octets are counted in *taken. A wrong
 * octet counts as one character and gives UTF8_REPLACEMENT with *wrong set. */
uint32_t utf8_next(struct slice s, size_t *taken, bool *wrong);

/* Writes a character and gives the number of its octets; what UTF-8 cannot carry becomes
 * UTF8_REPLACEMENT. */
size_t utf8_put(uint32_t code, char out[UTF8_LONGEST]);

bool utf8_is_valid(struct slice s);
bool utf8_is_printable(struct slice s); /* valid, and no ASCII control is in it */
bool utf8_is_ascii(struct slice s);

#endif
