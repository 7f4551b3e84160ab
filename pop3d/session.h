/*
 * One POP3 session: a connection, who is logged in, and the maildrop as it was at login.
 */
#ifndef POP3D_SESSION_H
#define POP3D_SESSION_H

#include "common/base/log.h"
#include "common/net/loop.h"
#include "common/net/stream.h"
#include "pop3d/drop.h"
#include "pop3d/retrieve.h"
#include "pop3d/server.h"
#include "pop3d/session_states.h"

/* What a step of the session ends with. */
enum pop3_next { POP3_GO_ON, POP3_WAIT, POP3_END };

struct sasl;

struct pop3_session {
	LIST_ENTRY(pop3_session) link;
	struct service *service;
	struct stream *stream;
	struct netaddr peer;
	enum pop3_state state;
	struct log_context log;
	struct task again;
	struct timer deadline;
	char *user;                    /* what USER said */
	struct sasl *sasl;             /* AUTH, while it goes on; else NULL */
	struct channel *asked;         /* whom the open request is with */
	uint32_t request;              /* its id; 0: none */
	struct channel *mailbox;       /* has the maildrop; NULL: gone, or not open yet */
	uint32_t handle;
	struct pop3_drop drop;
	struct pop3_retrieve retrieve;
	unsigned errors, auth_failures;
	bool is_tls;
};

/* A new session on a descriptor, which it takes; it ends itself. */
void pop3_session_start(struct service *service, int fd, const struct netaddr *peer);

/* Goes on with the session as far as it can. The session may be gone afterwards. */
void pop3_session_step(struct pop3_session *s);

/* The process that has its maildrop is gone: nothing of this session can be finished. */
void pop3_session_lost(struct pop3_session *s);

/* Says why and ends the session; marked messages stay. */
void pop3_session_shut(struct pop3_session *s, const char *why);

/* The only writer of the state; asserts that the list allows the move. */
void pop3_move(struct pop3_session *s, enum pop3_state next);

void pop3_ok(struct pop3_session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pop3_err(struct pop3_session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Opens a request in the session's name; false: answer with a temporary failure. */
bool pop3_ask(struct pop3_session *s, struct channel *c,
    void (*answer)(void *owner, struct ipc_message *m), void (*ended)(void *owner, enum channel_end why),
    struct span deadline);
void pop3_asked(struct pop3_session *s);      /* the open request is over */

#endif
