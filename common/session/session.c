/*
 * Invariants:
 * 1. session_move() is the only writer of the state.
 * 2. At most one request is open, and only in the states that the kind names.
 */
#include "common/session/session.h"

#include "common/base/assert.h"
#include "common/base/id.h"
#include "common/net/sasl.h"

enum { STEPS_IN_A_TURN = 64 };

static bool
is_in(const struct session *s, unsigned states)
{
	return (states & (1U << s->state)) != 0;
}

void
session_move(struct session *s, unsigned next)
{
	ASSERT(s->kind->moves[s->state] & (1U << next));
	s->state = next;
	ASSERT(s->request == 0 || is_in(s, s->kind->open));
}

void
session_step(struct session *s)
{
	enum session_next next = SESSION_GO_ON;

	for (int i = 0; i < STEPS_IN_A_TURN && next == SESSION_GO_ON; i++)
		next = s->kind->step(s);
	if (next == SESSION_END)
		s->kind->free(s);
	else if (next == SESSION_GO_ON)
		session_again(s);
}

void
session_again(struct session *s)
{
	task_queue(&s->again);
}

static void
on_again(void *owner)
{
	session_step(owner);
}

static void
on_wake(void *owner)
{
	struct session *s = owner;

	if (!is_in(s, s->kind->asking))
		session_step(s);
}

static void
on_deadline(void *owner)
{
	struct session *s = owner;

	if (is_in(s, s->kind->asking)) {
		session_heard(s);
		return;
	}
	s->kind->silent(s);
	session_again(s);
}

void
session_heard(struct session *s)
{
	timer_start(&s->deadline, s->kind->patience(s));
}

bool
session_peek(struct session *s, struct slice *octets, enum session_next *next)
{
	switch (stream_peek(s->stream, octets)) {
	case STREAM_OK:
		return true;
	case STREAM_AGAIN:
		*next = SESSION_WAIT;
		return false;
	case STREAM_BARE:
	case STREAM_TOO_LONG:
	case STREAM_FLOOD:
	case STREAM_CLOSED:
		break;
	}
	session_move(s, s->kind->closing);
	*next = SESSION_GO_ON;
	return false;
}

bool
session_request(struct session *s, struct channel *c, const struct channel_request *r)
{
	struct channel_request own = *r;

	ASSERT(s->request == 0);
	own.owner = s;
	s->asked = c;
	s->request = channel_request(c, &own);
	return s->request != 0;
}

bool
session_ask(struct session *s, struct channel *c, const struct channel_request *r,
    const struct ipc_schema *schema, const void *message)
{
	if (session_request(s, c, r) && channel_send(c, schema, s->request, message, -1))
		return true;
	session_request_done(s);
	return false;
}

void
session_request_done(struct session *s)
{
	if (s->request != 0)
		channel_done(s->asked, s->request);
	s->request = 0;
}

void
session_start_tls(struct session *s)
{
	stream_start_tls_server(s->stream, s->service->tls);
}

enum session_next
session_when_tls(struct session *s)
{
	struct slice nothing;

	if (stream_failure(s->stream)[0] != '\0') {
		log_event(&s->log, EV_tls_failed, WORD("text", stream_failure(s->stream)));
		session_move(s, s->kind->closing);
		return SESSION_GO_ON;
	}
	if (stream_is_handshaking(s->stream)) {
		stream_peek(s->stream, &nothing);
		return SESSION_WAIT;
	}
	s->is_tls = true;
	s->kind->secured(s);
	return SESSION_GO_ON;
}

bool
session_is_private(const struct session *s)
{
	return s->is_tls || netaddr_is_loopback(&s->peer);
}

void
session_init(struct session *s, const struct session_kind *kind, struct service *service, int fd,
    const struct netaddr *peer)
{
	*s = (struct session){.kind = kind,
	    .service = service,
	    .peer = *peer,
	    .connected = *peer,
	    .log = {.key = "session", .id = id_random()}};
	s->stream = stream_new(fd, on_wake, s);
	task_init(&s->again, on_again, s);
	timer_init(&s->deadline, on_deadline, s);
	session_heard(s);
	service_enter(service);
}

void
session_fini(struct session *s)
{
	session_request_done(s);
	sasl_free(s->sasl);
	task_cancel(&s->again);
	timer_stop(&s->deadline);
	stream_finish(s->stream);
	service_leave(s->service, &s->connected);
}
