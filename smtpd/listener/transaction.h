/*
 * A mail transaction (RFC 5321 3.3): reverse-path, recipients as lookup routed them, the
 * message, and its handing over to queue. It is made at MAIL and freed as a whole.
 */
#ifndef SMTPD_LISTENER_TRANSACTION_H
#define SMTPD_LISTENER_TRANSACTION_H

#include "common/base/buf.h"
#include "smtpd/listener/data.h"
#include "smtpd/listener/pace.h"

#include <sys/queue.h>

struct smtp_session;

/* A recipient after expansion: the fields of al_recipient, and what RCPT said. */
struct smtp_recipient {
	TAILQ_ENTRY(smtp_recipient) link;
	uint8_t transport, mailbox, notify;
	char *action, *address, *user, *target, *original, *orcpt;
};

struct smtp_transaction {
	uint64_t message; /* id, given at DATA; the queue id people see */
	char *sender;     /* "" is the null path */
	char *envid;
	uint8_t ret;
	TAILQ_HEAD(smtp_recipients, smtp_recipient) recipients;
	size_t recipient_count; /* after expansion */
	size_t accepted;        /* RCPT commands answered with 250 */
	size_t mark;            /* recipient_count when the RCPT in hand began */
	char *pending_original, *pending_orcpt;
	uint8_t pending_notify;
	struct smtp_data body;
	struct smtp_pace pace; /* while the message comes */
	struct buf octets;     /* the message, trace fields first, while it is small */
	int spool;             /* queue's file for a larger one, or -1 */
	uint32_t spool_id;     /* its number; 0: we have none, or none any more */
	uint64_t spooled;      /* octets written there */
	bool spool_failed, is_looping;
	bool is_complete; /* what a submission lacked has been added */
	size_t looked_at; /* octets, when the end of the header was looked for */
	size_t trace;     /* octets of the trace fields */
};

struct smtp_transaction *smtp_transaction_new(const char *sender);

/* Frees it; what queue keeps for it is dropped. */
void smtp_transaction_free(struct smtp_transaction *t);

/* Adds what lookup answered for the RCPT in hand; false when it is one too many. */
struct al_recipient;
bool smtp_transaction_add(struct smtp_transaction *t, const struct al_recipient *r);

/* What lookup answered for the recipient that was added last; the texts are t's. */
struct al_recipient smtp_transaction_newest(const struct smtp_transaction *t);

/* Takes the recipients of the RCPT in hand back. */
void smtp_transaction_undo(struct smtp_transaction *t);

/* Hands all over to queue on the request that is open, the spool file too; false when the line is
 * down. */
bool smtp_transaction_send(struct smtp_session *s);

/* Moves what has gathered in octets to the spool file. */
void smtp_transaction_spill(struct smtp_transaction *t);

/* The queue that gave the spool file is gone, and its numbers are another's now. */
void smtp_transaction_lose_spool(struct smtp_transaction *t);

#endif
