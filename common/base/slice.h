/*
 * Borrowed octets: a pointer and a length. A slice never owns what it shows and needs no
 * NUL; whoever made the octets must outlive it.
 */
#ifndef COMMON_BASE_SLICE_H
#define COMMON_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
	const char *data;
	size_t len;
};

/* A slice of a string literal. */
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

/* The arguments for a "%.*s". */
#define SLICE_FMT(s) (int)(s).len, (s).len > 0 ? (s).data : ""

struct slice slice_of(const char *text); /* of a C string; NULL gives empty */
struct slice slice_make(const char *data, size_t len);

/* The octets from at on; and at most len of them. Both clamp, they never reach outside. */
struct slice slice_from(struct slice s, size_t at);
struct slice slice_sub(struct slice s, size_t at, size_t len);

bool slice_equal(struct slice a, struct slice b);
bool slice_equal_text(struct slice a, const char *b);
bool slice_equal_nocase(struct slice a, struct slice b); /* ASCII letters only */
bool slice_equal_text_nocase(struct slice a, const char *b);
bool slice_has_prefix(struct slice s, struct slice prefix);
bool slice_has_prefix_nocase(struct slice s, struct slice prefix);
bool slice_has_suffix_nocase(struct slice s, struct slice suffix);

/* Whether an ASCII control is in it: a line end, an escape, NUL. */
bool slice_has_control(struct slice s);

/* Where c first stands (or last), or -1. */
ptrdiff_t slice_find(struct slice s, char c);
ptrdiff_t slice_find_last(struct slice s, char c);
ptrdiff_t slice_search(struct slice s, struct slice what);

/* Without the blanks (space and tab) at both ends. */
struct slice slice_trim(struct slice s);

/* Without the CR at its end, if there is one. */
struct slice slice_chomp(struct slice s);

/* Takes the octets before the next c off *rest, and c itself; false when *rest is spent. */
bool slice_split(struct slice *rest, char c, struct slice *part);

/* Takes the next word (no blanks) off *rest; false when there is none. */
bool slice_word(struct slice *rest, struct slice *word);

/* Digits only, at most max; false for anything else, the empty slice and overflow. */
bool slice_number(struct slice s, uint64_t max, uint64_t *value);

/* Gives a C string with the octets of s (stops nowhere: s should hold no NUL). */
char *slice_text(struct slice s);
char *slice_text_lower(struct slice s); /* ASCII letters in lower case */

/* Copies s and a NUL into out; false, and out empty, when it does not fit or holds a NUL. */
bool slice_copy(struct slice s, char *out, size_t size);

#endif
