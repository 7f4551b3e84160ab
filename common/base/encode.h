/*
 * Octets as text and back: base64 (RFC 4648), hexadecimal, and xtext (RFC 3461 4). Decoders are
 * strict: what no encoder writes is refused.
 */
#ifndef COMMON_BASE_ENCODE_H
#define COMMON_BASE_ENCODE_H

#include "common/base/buf.h"

void base64_encode(struct buf *out, struct slice octets);

/* Appends the octets; false for any character, padding or rest that does not belong. */
bool base64_decode(struct buf *out, struct slice text);

void hex_encode(struct buf *out, struct slice octets);
bool hex_decode(struct buf *out, struct slice text);

/* xtext; the decoder refuses what would become a control character, NUL, CR and LF above all. */
void xtext_encode(struct buf *out, struct slice octets);
bool xtext_decode(struct buf *out, struct slice text);

#endif
