/*
 * Owned octets that grow, up to a stated maximum. Going past the maximum is remembered
 * (buf_overflowed) instead of written, so a writer checks once at the end. A buffer that
 * was only zeroed is empty and unbounded.
 */
#ifndef COMMON_BASE_BUF_H
#define COMMON_BASE_BUF_H

#include "common/base/slice.h"

#include <stdarg.h>

struct buf {
	char *data;
	size_t len;
	size_t capacity;
	size_t max; /* 0: as the caller bounds it */
	bool overflowed;
	bool is_secret; /* no copy of the octets is left behind when memory is given back */
};

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);  /* frees the octets; the buffer is then empty */
void buf_clear(struct buf *b); /* empties, keeps the memory */

/* Room for n more octets, to be filled by the caller and then counted with buf_grew(). NULL past max. */
char *buf_room(struct buf *b, size_t n);
void buf_grew(struct buf *b, size_t n);

void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_slice(struct buf *b, struct slice s);
void buf_add_text(struct buf *b, const char *text);
void buf_add_char(struct buf *b, char c);
void buf_add_lower(struct buf *b, struct slice s);  /* ASCII letters in lower case */
void buf_add_quoted(struct buf *b, struct slice s); /* in quotes, \ before " and \ */
void buf_add_number(struct buf *b, uint64_t n);

/*
 * Adds the first size octets of a file, wherever its offset is. False, and nothing is added, when it
 * has fewer or cannot be read: unlike a map, it does no harm that somebody else makes it shorter.
 */
bool buf_add_file(struct buf *b, int fd, uint64_t size);

void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Drops the first n octets (or all after the first n). */
void buf_consume(struct buf *b, size_t n);
void buf_truncate(struct buf *b, size_t n);

/* A view of what is in it, valid until the next change. */
struct slice buf_slice(const struct buf *b);

/* The octets as a C string (a NUL is kept behind them), valid until the next change. */
const char *buf_text(struct buf *b);

/* Gives the octets, NUL-terminated, and leaves the buffer empty; free(3) them. */
char *buf_take(struct buf *b, size_t *len);

bool buf_overflowed(const struct buf *b);

#endif
