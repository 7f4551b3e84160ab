/*
 * One SMTP session: a connection, what the client said so far, and the transaction it is in.
 * It reads a command, answers it, and waits in a named state for whoever else must be asked.
 */
#ifndef SMTPD_LISTENER_SESSION_H
#define SMTPD_LISTENER_SESSION_H

#include "common/session/session.h"
#include "smtpd/listener/server.h"
#include "smtpd/listener/session_states.h"
#include "smtpd/listener/transaction.h"

struct smtp_session {
	struct session base; /* first: a session of this kind is one of these */
	LIST_ENTRY(smtp_session) link;
	struct netaddr local; /* where the client came to */
	char *hostname;       /* ours, for this address; NULL: the service's */
	char *rdns;           /* the client's name; NULL: not known */
	char *helo;
	char *user;                           /* authenticated as; NULL: no */
	struct smtp_transaction *transaction; /* NULL between transactions */
	uint32_t ptr_request, hostname_request;
	struct buf proxy; /* what came so far of a proxy's header */
	unsigned errors, messages, idle_commands;
	unsigned old_errors; /* of them, before the last message that was stored */
	bool has_ehlo, is_confirmed_rdns, is_local;
};

/* A new session on a descriptor, which it takes; it ends itself. */
void smtp_session_start(
    struct service *service, int fd, const struct netaddr *peer, const struct netaddr *local);

/* As session_move(). */
void smtp_move(struct smtp_session *s, enum smtp_state next);

/* One reply line: code, enhanced code or "", text. Lines of other people's words are made printable. */
void smtp_reply(struct smtp_session *s, int code, const char *enhanced, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* The same, and counts it as an error of the client's. */
void smtp_refuse(struct smtp_session *s, int code, const char *enhanced, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Refuses the message in hand, or its recipient: the log hears of it, and 5yz is the client's error. */
void smtp_reject(struct smtp_session *s, int code, const char *enhanced, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Forgets the transaction, whatever state it is in (RFC 5321 4.1.1.5); the only way it ends. */
void smtp_transaction_reset(struct smtp_session *s);

/* The name we go by in this session. */
const char *smtp_hostname(const struct smtp_session *s);

/* Says 421 and ends the session after it. */
void smtp_session_shut(struct smtp_session *s, const char *enhanced, const char *why);

#endif
