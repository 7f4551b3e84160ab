/*
 * A mail transaction (RFC 5321 3.3): reverse-path, recipients as lookup routed them, the
 * message, and the handing over of all to queue. It is made at MAIL and freed as a whole.
 */
#ifndef SMTPD_LISTENER_TRANSACTION_H
#define SMTPD_LISTENER_TRANSACTION_H

#include "common/base/recent.h"
#include "common/ipc/any_lookup.h"
#include "common/mail/smtp_syntax.h"
#include "smtpd/listener/message.h"

#include <sys/queue.h>

struct smtp_session;

/* A recipient after expansion: the fields of al_recipient, and what RCPT said. */
struct smtp_recipient {
	TAILQ_ENTRY(smtp_recipient) link;
	uint8_t transport, mailbox, notify;
	char *action, *address, *user, *target, *original, *orcpt;
};

/* The RCPT in hand, while lookup is asked. */
struct smtp_pending {
	char *original, *orcpt;
	uint8_t notify;
	size_t mark;         /* recipient_count when it began */
	struct digest asked; /* by what verdict.h knows the question */
};

struct smtp_transaction {
	uint64_t id;  /* given at DATA; the queue id people see */
	char *sender; /* "" is the null path */
	char *envid;
	uint8_t ret;
	TAILQ_HEAD(smtp_recipients, smtp_recipient) recipients;
	size_t recipient_count; /* after expansion */
	size_t accepted;        /* RCPT commands answered with 250 */
	struct smtp_pending pending;
	struct smtp_message message;
};

struct smtp_transaction *smtp_transaction_new(const char *sender);

/* Frees it; what queue keeps for it is dropped. */
void smtp_transaction_free(struct smtp_transaction *t);

/* Begins a RCPT, whose address it takes; the end forgets it, whatever became of it. */
void smtp_transaction_begin_rcpt(
    struct smtp_transaction *t, char *original, const struct smtp_rcpt *parameters);
void smtp_transaction_end_rcpt(struct smtp_transaction *t);

/* Adds what lookup answered for the RCPT in hand; false when it is one too many. */
bool smtp_transaction_add(struct smtp_transaction *t, const struct al_recipient *r);

/* What lookup answered for the recipient that was added last; the texts are t's. */
struct al_recipient smtp_transaction_newest(const struct smtp_transaction *t);

/* Takes the recipients of the RCPT in hand back. */
void smtp_transaction_undo(struct smtp_transaction *t);

/* Hands all over to queue on the request that is open, the spool file too; false when the line is
 * down. */
bool smtp_transaction_send(struct smtp_session *s);

#endif
