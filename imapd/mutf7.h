/*
 * Names of mailboxes on the wire: modified UTF-7 (RFC 3501 5.1.3). Strict both ways, so that a
 * name has one spelling: no encoded ASCII, no spare bits, no half of a surrogate pair.
 */
#ifndef IMAPD_MUTF7_H
#define IMAPD_MUTF7_H

#include "common/base/buf.h"

/* Appends the name as UTF-8; false for what is not modified UTF-7, and out as it was. */
bool mutf7_decode(struct buf *out, struct slice name);

/* Appends a name that is UTF-8 as modified UTF-7. */
void mutf7_encode(struct buf *out, struct slice name);

#endif
