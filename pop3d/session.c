/*
 * Invariants:
 * 1. pop3_move() is the only writer of the state.
 * 2. At most one request is open, and exactly in the states named …_ASK.
 * 3. Messages are removed only in UPDATE_ASK, which only QUIT leads to.
 */
#include "pop3d/session.h"

#include "common/base/assert.h"
#include "common/base/id.h"
#include "common/base/mem.h"
#include "common/ipc/any_mailbox.h"
#include "common/net/sasl.h"
#include "pop3d/command.h"

#include <stdio.h>

enum { STEPS_IN_A_TURN = 64, REPLY = 512 };

static const struct {
	const char *name;
	unsigned next;
} states[] = {
#define S(name, waits, next) {#name, next},
    POP3_STATES(S)
#undef S
};

static bool
is_asking(enum pop3_state state)
{
	return state == POP3_LOGIN_ASK || state == POP3_OPEN_ASK || state == POP3_FETCH_ASK ||
	    state == POP3_UPDATE_ASK;
}

void
pop3_move(struct pop3_session *s, enum pop3_state next)
{
	ASSERT(states[s->state].next & (1U << next));
	s->state = next;
	ASSERT(is_asking(next) || s->request == 0);
}

static void __attribute__((format(printf, 3, 0)))
say(struct pop3_session *s, const char *status, const char *fmt, va_list ap)
{
	char line[REPLY - 2];
	int n = snprintf(line, sizeof(line), "%s ", status);

	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	for (char *p = line; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || (unsigned char)*p >= 127)
			*p = '?';
	}
	stream_write(s->stream, slice_of(line));
	stream_write(s->stream, SLICE("\r\n"));
}

void
pop3_ok(struct pop3_session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(s, "+OK", fmt, ap);
	va_end(ap);
}

void
pop3_err(struct pop3_session *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(s, "-ERR", fmt, ap);
	va_end(ap);
	s->errors++;
}

bool
pop3_ask(struct pop3_session *s, struct channel *c,
    void (*answer)(void *owner, struct ipc_message *m), void (*ended)(void *owner, enum channel_end why),
    struct span deadline)
{
	struct channel_request r = {.answer = answer, .ended = ended, .owner = s, .deadline = deadline};

	ASSERT(s->request == 0);
	s->asked = c;
	s->request = channel_request(c, &r);
	return s->request != 0;
}

void
pop3_asked(struct pop3_session *s)
{
	channel_done(s->asked, s->request);
	s->request = 0;
}

static void
free_session(struct pop3_session *s)
{
	log_event(&s->log, EV_disconnect, NUM("errors", s->errors));
	if (s->request != 0)
		channel_done(s->asked, s->request);
	if (s->mailbox != NULL && s->handle != 0) {
		struct am_close close_it = {.handle = s->handle};

		am_close_send(s->mailbox, 0, &close_it, -1);
	}
	task_cancel(&s->again);
	timer_stop(&s->deadline);
	pop3_retrieve_stop(&s->retrieve);
	pop3_drop_fini(&s->drop);
	stream_finish(s->stream);
	LIST_REMOVE(s, link);
	service_leave(s->service, &s->peer);
	sasl_free(s->sasl);
	free(s->user);
	free(s);
}

void
pop3_session_shut(struct pop3_session *s, const char *why)
{
	/* An answer that is still to come has nobody left to read it. */
	if (s->request != 0)
		pop3_asked(s);
	if (s->state != POP3_CLOSING) {
		if (s->state != POP3_SENDING && s->state != POP3_TLS)
			pop3_err(s, "[SYS/TEMP] %s", why);
		pop3_move(s, POP3_CLOSING);
	}
	task_queue(&s->again);
}

void
pop3_session_lost(struct pop3_session *s)
{
	s->mailbox = NULL;
	pop3_session_shut(s, "the mail store was restarted; nothing was deleted, please log in again");
}

static enum pop3_next
when_tls(struct pop3_session *s)
{
	if (stream_failure(s->stream)[0] != '\0') {
		log_event(&s->log, EV_tls_failed, WORD("text", stream_failure(s->stream)));
		pop3_move(s, POP3_CLOSING);
		return POP3_GO_ON;
	}
	if (stream_is_handshaking(s->stream)) {
		struct slice nothing;

		stream_peek(s->stream, &nothing);
		return POP3_WAIT;
	}
	s->is_tls = true;
	pop3_move(s, POP3_AUTHORIZATION);
	if (s->service->listen->tls == TLS_IMPLICIT)
		pop3_ok(s, "%s POP3 Kurir", service_hostname(s->service));
	return POP3_GO_ON;
}

/* Fills the client's window block by block, and waits when it is full. */
static enum pop3_next
when_sending(struct pop3_session *s)
{
	struct buf block = {0};
	bool failed = false, more = true;

	if (stream_failure(s->stream)[0] != '\0') {
		pop3_move(s, POP3_CLOSING);
		return POP3_GO_ON;
	}
	timer_start(&s->deadline, SPAN_SECONDS(LIMIT_POP3_SECONDS));
	while (more && stream_pending(s->stream) < STREAM_HIGH) {
		more = pop3_retrieve_next(&s->retrieve, &block, &failed);
		stream_write(s->stream, buf_slice(&block));
		buf_clear(&block);
	}
	buf_fini(&block);
	if (more)
		return POP3_WAIT;
	pop3_retrieve_stop(&s->retrieve);
	pop3_move(s, failed ? POP3_CLOSING : POP3_TRANSACTION);
	return POP3_GO_ON;
}

static enum pop3_next
step_once(struct pop3_session *s)
{
	switch (s->state) {
	case POP3_AUTHORIZATION:
	case POP3_TRANSACTION:
		return pop3_when_command(s);
	case POP3_AUTH_INPUT:
		return pop3_when_auth_input(s);
	case POP3_TLS:
		return when_tls(s);
	case POP3_SENDING:
		return when_sending(s);
	case POP3_LOGIN_ASK:
	case POP3_OPEN_ASK:
	case POP3_FETCH_ASK:
	case POP3_UPDATE_ASK:
		return POP3_WAIT;
	case POP3_CLOSING:
		return POP3_END;
	case POP3_STATE_COUNT:
		break;
	}
	PANIC("a session without a state");
}

void
pop3_session_step(struct pop3_session *s)
{
	enum pop3_next next = POP3_GO_ON;

	for (int i = 0; i < STEPS_IN_A_TURN && next == POP3_GO_ON; i++)
		next = step_once(s);
	if (next == POP3_END)
		free_session(s);
	else if (next == POP3_GO_ON)
		task_queue(&s->again);
}

static void
on_again(void *owner)
{
	pop3_session_step(owner);
}

static void
on_wake(void *owner)
{
	struct pop3_session *s = owner;

	if (!is_asking(s->state))
		pop3_session_step(s);
}

static void
on_deadline(void *owner)
{
	struct pop3_session *s = owner;

	if (is_asking(s->state)) {
		timer_start(&s->deadline, SPAN_SECONDS(LIMIT_POP3_SECONDS));
		return;
	}
	pop3_session_shut(s, "nothing came for too long");
}

void
pop3_session_start(struct service *service, int fd, const struct netaddr *peer)
{
	struct pop3_session *s = mem_zero(sizeof(*s));
	char text[NETADDR_TEXT];

	s->service = service;
	s->peer = *peer;
	s->log = (struct log_context){.key = "session", .id = id_random()};
	s->retrieve.fd = -1;
	s->stream = stream_new(fd, on_wake, s);
	task_init(&s->again, on_again, s);
	timer_init(&s->deadline, on_deadline, s);
	timer_start(&s->deadline, SPAN_SECONDS(LIMIT_LOGIN_SECONDS));
	service_enter(service);
	LIST_INSERT_HEAD(&pop3_server.sessions, s, link);
	log_event(&s->log, EV_connect, WORD("from", netaddr_format(peer, text)),
	    NUM("port", service->listen->port));
	if (service->listen->tls == TLS_IMPLICIT) {
		pop3_move(s, POP3_TLS);
		stream_start_tls_server(s->stream, service->tls);
	} else {
		pop3_ok(s, "%s POP3 Kurir", service_hostname(service));
	}
	pop3_session_step(s);
}
