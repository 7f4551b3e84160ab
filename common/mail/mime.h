/*
 * The parts of a message (RFC 2045, 2046): a tree in one flat array, made in one pass over the
 * octets, without recursion. Every message has a tree: what is broken is read leniently, and
 * what goes past LIMIT_MIME_DEPTH or LIMIT_MIME_PARTS is one opaque part.
 *
 * Lenient means: lines may end in LF alone; a multipart ends where an outer one or the message
 * does; a boundary may have blanks after it; a multipart in which no boundary stands is plain
 * text. A boundary is compared with the whole line, so one may begin with another. The first
 * of two equal fields counts.
 */
#ifndef COMMON_MAIL_MIME_H
#define COMMON_MAIL_MIME_H

#include "common/base/slice.h"
#include "common/mail/decode.h"

#define MIME_NONE UINT32_MAX /* no such part */
enum {
	MIME_BOUNDARY = 1000, /* octets; RFC 2046 5.1.1 allows 70 */
};

enum mime_kind {
	MIME_LEAF,
	MIME_MULTIPART, /* has one child or more */
	MIME_MESSAGE,   /* message/rfc822: its one child is the message in it */
};

/* The fields that are kept; data is NULL for one that the part does not have. */
/* clang-format off */
enum mime_field {
	MIME_TYPE, MIME_ENCODING, MIME_DISPOSITION, MIME_ID, MIME_DESCRIPTION, MIME_LANGUAGE,
	MIME_LOCATION, MIME_MD5, MIME_FIELDS,
};
/* clang-format on */

struct mime_part {
	enum mime_kind kind;
	enum transfer_encoding encoding;
	bool implied;                     /* the field does not say type, so neither parameters */
	struct slice type, subtype;       /* as written; text/plain where nothing holds */
	struct slice fields[MIME_FIELDS]; /* values, folded as they are */
	size_t header, header_len;        /* octets of the message, the blank line counted */
	size_t body, body_len;            /* without the line end before a boundary */
	size_t lines;                     /* line ends in the body */
	uint32_t parent, child, next;     /* indexes, or MIME_NONE */
	uint32_t depth;                   /* 0: the message itself */
};

struct mime {
	struct slice octets;
	struct mime_part *parts; /* the message itself first; a part stands before its children */
	size_t count;
};

/* Reads a message; the tree borrows from it and is freed with mime_fini(). */
void mime_init(struct mime *m, struct slice message);
void mime_fini(struct mime *m);

struct slice mime_header(const struct mime *m, uint32_t part);
struct slice mime_body(const struct mime *m, uint32_t part);

/* The part that an IMAP section names: "1.2.3", or "" for the message itself (RFC 9051
 * 6.4.5.1); MIME_NONE when the message has none. Of a part that is MIME_MESSAGE, HEADER and
 * TEXT are those of its child; the MIME header is its own. */
uint32_t mime_find(const struct mime *m, struct slice section);

#endif
