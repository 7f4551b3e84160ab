/*
 * Octets in a named charset to UTF-8, and text to the form in which it is searched. Nothing
 * fails: an octet that means nothing becomes U+FFFD, and in a charset that nobody knows text
 * is taken as UTF-8 if it is that, else as windows-1252.
 */
#ifndef COMMON_MAIL_CHARSET_H
#define COMMON_MAIL_CHARSET_H

#include "common/base/buf.h"

enum { CHARSET_NAME = 40 }; /* octets of a charset's name, RFC 2978 2.3 */

/* Makes the converters ready that iconv(3) would else look for in files, for the life of the
 * process: behind its walls there are none. It comes before them. */
void charset_prepare(void);

/* Whether text in it can be converted. The name is letters, digits and -_.:+ only, so it
 * never reaches iconv(3) as a path, a locale or a conversion option. */
bool charset_is_known(struct slice name);

/* Appends the octets as UTF-8: always valid, out->max bounds it. */
void charset_to_utf8(struct slice name, struct slice octets, struct buf *out);

/* The same for octets that nobody named a charset for. */
void charset_guess_to_utf8(struct slice octets, struct buf *out);

/* Appends text as it is compared: case folded and decomposed with compatibility mappings (the
 * intent of i;unicode-casemap, RFC 5051). Equal texts give equal octets. */
void charset_casemap(struct slice text, struct buf *out);

/* Which edition of Unicode it goes by: another one may make something else of a text. */
uint32_t charset_edition(void);

#endif
