/*
 * What a session of SMTP, IMAP and POP3 is before any protocol: an accepted connection, a state
 * that only session_move() changes, one request at most with another process, and a deadline for
 * the client. A room's session has this as its first member, and says by a struct session_kind what
 * its states are and what to do in them.
 *
 * Input is read only while step() asks for it. In a state that asks nothing wakes the session but
 * the answer, its end, or an order to stop; a client that hangs up is noticed afterwards.
 */
#ifndef COMMON_SESSION_SESSION_H
#define COMMON_SESSION_SESSION_H

#include "common/base/log.h"
#include "common/conf/service.h"
#include "common/ipc/channel.h"
#include "common/net/loop.h"
#include "common/net/netaddr.h"
#include "common/net/stream.h"

struct login_kind;
struct sasl;
struct session;

/* What a step ends with. */
enum session_next {
	SESSION_GO_ON, /* step again */
	SESSION_WAIT,  /* something will wake the session */
	SESSION_END,   /* free it */
};

struct session_kind {
	const unsigned *moves; /* what each state may become, a bit each */
	const struct login_kind *login;
	unsigned asking;  /* states that wait for another process, a bit each */
	unsigned open;    /* states in which a request may be open; asking is among them */
	unsigned closing; /* the state that a failed handshake leads to */

	/* Does one step, in the state the session is in. */
	enum session_next (*step)(struct session *s);

	/* How long the client may be silent now; and that it was: ends the session. */
	struct span (*patience)(const struct session *s);
	void (*silent)(struct session *s);

	/* The handshake is over: moves on. */
	void (*secured)(struct session *s);

	/* Frees the room's part, and calls session_fini(). */
	void (*free)(struct session *s);
};

struct session {
	const struct session_kind *kind;
	struct service *service; /* the listen line it came in by */
	struct stream *stream;
	struct netaddr peer;      /* the client */
	struct netaddr connected; /* who holds the other end: the client, or a proxy */
	struct log_context log;
	struct task again; /* goes on next turn, after others had theirs */
	struct timer deadline;
	unsigned state;
	struct channel *asked; /* whom the open request is with */
	uint32_t request;      /* its id; 0: none */
	struct sasl *sasl;     /* a login that goes on; else NULL */
	unsigned auth_failures;
	bool is_tls;
};

/* A new session on a descriptor, which it takes, in the first state of its kind. */
void session_init(struct session *s, const struct session_kind *kind, struct service *service,
    int fd, const struct netaddr *peer);

/* Drops the request, closes the connection and leaves the service. */
void session_fini(struct session *s);

/* Goes on as far as it can, now or at the end of this turn. The session may be gone afterwards. */
void session_step(struct session *s);
void session_again(struct session *s);

/* The only writer of the state; asserts that the list allows the move, and no request
 * stays open. */
void session_move(struct session *s, unsigned next);

/* The client was heard, and has its patience from now on. */
void session_heard(struct session *s);

/*
 * For a state that takes octets as they come: those that are there. False when there are none, and
 * *next is what its step ends with: the session waits, or is in its closing state.
 */
bool session_peek(struct session *s, struct slice *octets, enum session_next *next);

/* Opens a request in the session's name, whose owner it is, whatever r says. False: answer with a
 * temporary failure. */
bool session_request(struct session *s, struct channel *c, const struct channel_request *r);

/* The same, and sends the message that it begins with. */
bool session_ask(struct session *s, struct channel *c, const struct channel_request *r,
    const struct ipc_schema *schema, const void *message);

/* The open request is over, or nobody wants its answer any more; none open is fine. */
void session_request_done(struct session *s);

/* Begins a handshake; and acts in the state that waits for its end. */
void session_start_tls(struct session *s);
enum session_next session_when_tls(struct session *s);

/* Whether a password may be taken now: under TLS, or from this machine (RFC 8314). */
bool session_is_private(const struct session *s);

#endif
