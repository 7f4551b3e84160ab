/*
 * What a submission server may do for a message that a client sends without (RFC 6409 8): it adds
 * From, Date and Message-ID, and with "senders … masquerade" puts the sender's address into From.
 * Bcc goes: who named somebody there meant nobody else to read it.
 */
#ifndef SMTPD_LISTENER_SUBMISSION_H
#define SMTPD_LISTENER_SUBMISSION_H

#include "common/base/buf.h"

struct submission {
	struct slice hostname; /* the right side of a Message-ID */
	struct slice id;       /* its left side */
	struct slice sender;   /* for From; empty: nothing is known of it */
	bool masquerades;      /* From shows the sender, whatever it said */
	int64_t now;
};

/* Rewrites message from octet at on; what stands before is left alone. A header that goes on
 * beyond the message's end so far keeps what comes later. */
void submission_complete(struct buf *message, size_t at, const struct submission *s);

#endif
