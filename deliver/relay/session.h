/*
 * One connection to another server, and the transfer it carries. Replies are read one by one
 * and belong, in order, to the commands that were sent.
 */
#ifndef DELIVER_RELAY_SESSION_H
#define DELIVER_RELAY_SESSION_H

#include "common/mail/reply.h"
#include "common/net/stream.h"
#include "deliver/relay/session_states.h"
#include "deliver/relay/transfer.h"

/* What the server said to the last EHLO; all zero before it, and after HELO. */
struct relay_offers {
	bool pipelining, starttls, mime_8bit, dsn, auth_plain, auth_login;
	bool size;
	uint64_t size_limit; /* 0: SIZE names none */
};

struct relay_session {
	LIST_ENTRY(relay_session) link;
	LIST_ENTRY(relay_session) pooled;
	struct stream *stream;
	struct relay_transfer *transfer; /* NULL while nothing is carried */
	enum relay_state state;
	struct timer deadline;
	struct task again;
	struct reply reply;
	struct netaddr address;            /* the server's */
	char *action, *place;              /* what it can be used for again */
	struct relay_candidate *candidate; /* of the first transfer, until the session is ready */
	char name[LIMIT_DOMAIN + 1];       /* the server's, as MX or URL named it */
	unsigned commands_sent, replies_seen; /* of the envelope: MAIL, RCPT…, DATA */
	size_t accepted;                      /* recipients of this transaction */
	uint64_t body_at;
	size_t column;            /* octets of the line so far */
	unsigned messages, rules; /* rules: relay_pool_rules() when it was made */
	size_t answered;          /* LMTP: recipients whose reply to the dot was read */
	unsigned login_said;      /* AUTH LOGIN: 1 the name, 2 the password too */
	struct relay_offers offers;
	bool is_lmtp, is_tls, is_ready, is_pooled, is_reused, tls_refused;
	bool is_silent; /* its time is up */
};

/* Connects to a candidate for a transfer; NULL when that fails at once. */
struct relay_session *relay_session_open(struct relay_transfer *t, struct relay_candidate *c);

/* A kept session takes another transfer. */
void relay_session_go(struct relay_session *s, struct relay_transfer *t);

/* Nobody waits for the outcome of its transfer any more: breaks off what can still be broken off
 * without the server having taken the message, and ends the transfer then. */
void relay_session_forget(struct relay_session *s);

/* What the message needs and its server, whose EHLO was heard, does not offer. */
enum relay_lack relay_session_lacks(const struct relay_session *s, const struct relay_transfer *t);

/* Says QUIT and ends by itself. */
void relay_session_quit(struct relay_session *s);

/* The only writer of the state; asserts that the list allows the move, and sets its deadline. */
void relay_move(struct relay_session *s, enum relay_state next);

/* The present state begins its time anew: something came. Not for a transfer that is late. */
void relay_wait(struct relay_session *s);

/* How many sessions there are, and how many whose message is on its way: ending now could double
 * it. */
size_t relay_sessions(void);
size_t relay_sessions_sending(void);

/* session_hello.c: replies before the session is ready. */
void relay_on_greeting(struct relay_session *s);
void relay_on_ehlo(struct relay_session *s);
void relay_on_helo(struct relay_session *s);
void relay_on_starttls(struct relay_session *s);
void relay_on_auth(struct relay_session *s);
void relay_say_ehlo(struct relay_session *s);
void relay_start_tls(struct relay_session *s);

/* session_mail.c: replies of a transaction, and the message itself. */
void relay_say_envelope(struct relay_session *s);
void relay_on_envelope(struct relay_session *s);
void relay_send_body(struct relay_session *s);
void relay_on_early_reply(struct relay_session *s);
void relay_on_dot(struct relay_session *s);
void relay_on_reset(struct relay_session *s);

/* The session is ready, or has done a transfer: the next, the pool, or QUIT. */
void relay_session_idle(struct relay_session *s);

/* This host cannot be used now: the transfer tries the next one; the session ends. */
void relay_session_refused(struct relay_session *s, const char *why);

/* The server is this one: the transfer goes on to nobody else; the session ends. */
void relay_session_met_self(struct relay_session *s);

/* The connection broke, or the server spoke nonsense: recipients without an outcome wait. */
void relay_session_broken(struct relay_session *s, const char *why);

#endif
