/*
 * The header of a message (RFC 5322 2.2, 3.6.8, 4.5): fields with their places, in order. Lines
 * end in CRLF or LF. What is no field is passed over, never an error: a message may be garbage
 * from its first octet. Bounded by LIMIT_HEADER octets and LIMIT_FIELDS fields.
 */
#ifndef COMMON_MAIL_HEADER_H
#define COMMON_MAIL_HEADER_H

#include "common/base/buf.h"

struct header_field {
	struct slice name;  /* without blanks before the colon */
	struct slice value; /* raw: blanks at its ends are gone, the folds are in it */
	struct slice whole; /* name, colon, value and the line end */
	size_t start, end;  /* of whole, as offsets in the message */
};

/* Walks the fields of a message, from header_walk(). */
struct header_walk {
	struct slice message;
	size_t at;
	unsigned fields;
};

struct header_walk header_walk(struct slice message);
bool header_next(struct header_walk *w, struct header_field *field);

/* Where the header ends, which is where its empty line stands, and where the body begins, which is
 * behind that line. Both are the message's length when there is no empty line. */
size_t header_end(struct slice message);
size_t header_body(struct slice message);

/* The raw value of the first field of a name (case does not matter); false: none. */
bool header_find(struct slice message, struct slice name, struct slice *value);

/* How many fields of a name there are: of Received, the hops. */
unsigned header_count(struct slice message, struct slice name);

/* Passes over blanks, folds and comments, which nest (RFC 5322 3.2.2). */
void header_skip_blanks(struct slice *value);

/* Appends a raw value on one line: line ends and NULs go, blanks stay. */
void header_unfold(struct buf *out, struct slice value);

/*
 * Appends "Name: value" and CRLF, folded at blanks so that lines keep to 78 octets where they
 * can and 998 always. CR, LF, NUL and other controls in the value become blanks, so a value
 * can never begin another field.
 */
void header_add(struct buf *out, const char *name, struct slice value);

#endif
