/*
 * Content transfer encodings (RFC 2045 6), decoded as the octets come. Decoding never fails:
 * what is not in the encoding's alphabet is passed over (base64) or kept as it stands
 * (quoted-printable). A decoder holds at most DECODE_HELD octets back.
 */
#ifndef COMMON_MAIL_DECODE_H
#define COMMON_MAIL_DECODE_H

#include "common/base/buf.h"

enum transfer_encoding {
	ENCODING_7BIT,
	ENCODING_8BIT,
	ENCODING_BINARY,
	ENCODING_QUOTED_PRINTABLE,
	ENCODING_BASE64,
	ENCODING_UNKNOWN, /* x-uuencode and others: the octets are left as they are */
};

enum { DECODE_HELD = 128 };

struct decode {
	enum transfer_encoding encoding;
	uint32_t bits; /* base64: the digits that make no octets yet */
	unsigned digits;
	size_t held; /* quoted-printable: blanks, or what an = began */
	char hold[DECODE_HELD];
};

/* By the value of a Content-Transfer-Encoding field, comments and all; empty means 7bit. */
enum transfer_encoding transfer_encoding_parse(struct slice value);

void decode_init(struct decode *d, enum transfer_encoding encoding);

/* Appends to out what can be decoded now; and, at the end, what was still held back. */
void decode_feed(struct decode *d, struct slice octets, struct buf *out);
void decode_finish(struct decode *d, struct buf *out);

/* All three at once, for octets that are all there. */
void decode_all(enum transfer_encoding encoding, struct slice octets, struct buf *out);

#endif
