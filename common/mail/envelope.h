/*
 * ENVELOPE as IMAP sends it (RFC 9051 7.5.2): date, subject, from, sender, reply-to, to, cc, bcc,
 * in-reply-to and message-id of a message's header, unfolded; encoded words stay encoded. What
 * is written is well-formed whatever the header holds. The first of two equal fields counts.
 */
#ifndef COMMON_MAIL_ENVELOPE_H
#define COMMON_MAIL_ENVELOPE_H

#include "common/base/buf.h"

enum { ENVELOPE_LEAST = 1024 }; /* octets; the least that max may be */

/* Appends the envelope of a message, or of its header alone, in at most max octets: where all of
 * it would be longer, long texts are cut and the last addresses left out. */
void envelope_write(struct buf *out, struct slice message, size_t max);

enum envelope_field {
	ENVELOPE_DATE,
	ENVELOPE_SUBJECT,
	ENVELOPE_FROM,
	ENVELOPE_SENDER,
	ENVELOPE_REPLY_TO,
	ENVELOPE_TO,
	ENVELOPE_CC,
	ENVELOPE_BCC,
	ENVELOPE_IN_REPLY_TO,
	ENVELOPE_MESSAGE_ID,
};

/*
 * Appends what a written envelope says in that field: a text as the header has it, addresses as
 * "name <local@domain>" with commas between. False when it is NIL; then nothing is appended.
 */
bool envelope_read(struct slice envelope, enum envelope_field field, struct buf *out);

#endif
