/*
 * Octets as text and back: base64, xtext, unitext. All append to a buffer.
 * A decoder is strict: it takes exactly what the encoding allows, or refuses and leaves the
 * buffer as it was. The buffer's maximum is the bound; passing it is a refusal as well.
 */
#ifndef COMMON_BASE_ENCODE_H
#define COMMON_BASE_ENCODE_H

#include "common/base/buf.h"

/* RFC 4648 4, with padding, without line breaks; non-zero spare bits are refused (3.5). */
void base64_encode(struct buf *out, struct slice octets);
bool base64_decode(struct buf *out, struct slice text);

/* RFC 3461 4: + and = and what is not printable ASCII become +XX. Text that hides a control is
 * refused, CR, LF and NUL above all, for what comes out goes into header fields. */
void xtext_encode(struct buf *out, struct slice octets);
bool xtext_decode(struct buf *out, struct slice text);

/* RFC 6533 3: characters above ASCII, blanks, controls, + = and the backslash become \x{HEX}. Text
 * that is not UTF-8, or that hides a control, is refused. */
void unitext_encode(struct buf *out, struct slice text);
bool unitext_decode(struct buf *out, struct slice text);

/* The value of a base64 digit or of a hexadecimal digit; -1 for any other octet. */
int base64_digit(char c);
int hex_digit(char c);

#endif
