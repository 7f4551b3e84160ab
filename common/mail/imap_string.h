/*
 * Text as IMAP writes it (RFC 9051 4.3, 9): quoted where that is possible, else a literal.
 * What is written is one well-formed item whatever the octets are: a NUL, which IMAP cannot
 * carry, is left out, and a line end or an octet above 127 never stands in a quoted string.
 */
#ifndef COMMON_MAIL_IMAP_STRING_H
#define COMMON_MAIL_IMAP_STRING_H

#include "common/base/buf.h"

enum {
	IMAP_QUOTED_LONGEST = 1000, /* octets; longer text is sent as a literal */
	IMAP_STRING_FRAME = 24,     /* a text of n octets takes at most 2 n and these */
};

/* "text" or {n}CRLF and the octets; the empty slice gives "". */
void imap_string(struct buf *out, struct slice s);

/* The same, and NIL when s.data is NULL. */
void imap_nstring(struct buf *out, struct slice s);

/* The same, and bare when s can stand as an atom. */
void imap_astring(struct buf *out, struct slice s);

#endif
