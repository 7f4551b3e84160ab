/*
 * One POP3 session: a connection, who is logged in, and the maildrop as it was at login.
 */
#ifndef POP3D_SESSION_H
#define POP3D_SESSION_H

#include "common/session/session.h"
#include "pop3d/ahead.h"
#include "pop3d/drop.h"
#include "pop3d/retrieve.h"
#include "pop3d/server.h"
#include "pop3d/session_states.h"

struct pop3_session {
	struct session base; /* first: a session of this kind is one of these */
	LIST_ENTRY(pop3_session) link;
	char *user;              /* what USER said */
	struct channel *mailbox; /* has the maildrop; NULL: gone, or not open yet */
	uint32_t handle;
	struct pop3_drop drop;
	struct pop3_retrieve retrieve;
	size_t wanted; /* the last message that was asked for, from 0 */
	size_t asked;  /* mailbox: that one, and how many with it */
	struct pop3_ahead *ahead;
	unsigned errors;
};

/* A new session on a descriptor, which it takes; it ends itself. */
void pop3_session_start(struct service *service, int fd, const struct netaddr *peer);

/* The process that has its maildrop is gone: nothing of this session can be finished. */
void pop3_session_lost(struct pop3_session *s);

/* Says why and ends the session; marked messages stay. */
void pop3_session_shut(struct pop3_session *s, const char *why);

/* As session_move(). */
void pop3_move(struct pop3_session *s, enum pop3_state next);

void pop3_ok(struct pop3_session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void pop3_err(struct pop3_session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
