/*
 * BODY and BODYSTRUCTURE as IMAP sends them (RFC 9051 7.5.2), from a message's tree of parts.
 * What is written is well-formed whatever the message holds, no deeper than LIMIT_MIME_DEPTH
 * levels, and made without recursion.
 */
#ifndef COMMON_MAIL_BODYSTRUCTURE_H
#define COMMON_MAIL_BODYSTRUCTURE_H

#include "common/base/buf.h"
#include "common/mail/mime.h"

enum bodystructure_form {
	BODYSTRUCTURE_BODY, /* without extension data */
	BODYSTRUCTURE_FULL,
};

enum { BODYSTRUCTURE_LEAST = 4096 }; /* octets; the least that max may be */

/* Appends the structure in at most max octets: where all of it would be longer, long texts and
 * parameters are left out, then the last parts of a multipart; a part whose own description has
 * no room is told as application/octet-stream. */
void bodystructure_write(
    struct buf *out, const struct mime *m, enum bodystructure_form form, size_t max);

#endif
