/*
 * Invariants:
 * 1. smtp_move() is the only writer of the state.
 * 2. At most one request is open, and exactly in the states named …_ASK (the question for the
 *    client's name in DNS apart, which runs beside the first commands).
 * 3. A transaction exists only after MAIL and before its end, and ends only through
 *    smtp_transaction_reset(), so nothing of it can leak into the next.
 */
#include "smtpd/listener/session.h"

#include "common/base/assert.h"
#include "common/base/id.h"
#include "common/base/mem.h"
#include "common/ipc/any_resolver.h"
#include "smtpd/listener/command.h"

#include <stdio.h>
#include <string.h>

enum { STEPS_IN_A_TURN = 64, PTR_SECONDS = 5 };

static const struct {
	const char *name;
	unsigned next;
} states[] = {
#define S(name, waits, next) {#name, next},
    SMTP_STATES(S)
#undef S
};

static bool
is_asking(enum smtp_state state)
{
	return state == SMTP_RCPT_ASK || state == SMTP_SENDER_ASK || state == SMTP_AUTH_ASK ||
	    state == SMTP_SPOOL_ASK || state == SMTP_STORE_ASK;
}

void
smtp_move(struct smtp_session *s, enum smtp_state next)
{
	ASSERT(states[s->state].next & (1U << next));
	s->state = next;
	ASSERT(is_asking(next) || s->request == 0);
}

/* A reply must be one printable line of at most LIMIT_SMTP_REPLY octets, whatever it quotes. */
static void __attribute__((format(printf, 4, 0)))
reply(struct smtp_session *s, int code, const char *enhanced, const char *fmt, va_list ap)
{
	char line[LIMIT_SMTP_REPLY - 2];
	int n = snprintf(line, sizeof(line), "%d %s%s", code, enhanced, enhanced[0] == '\0' ? "" : " ");

	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	for (char *p = line; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || (unsigned char)*p >= 127)
			*p = '?';
	}
	stream_write(s->stream, slice_of(line));
	stream_write(s->stream, SLICE("\r\n"));
}

void
smtp_reply(struct smtp_session *s, int code, const char *enhanced, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	reply(s, code, enhanced, fmt, ap);
	va_end(ap);
}

void
smtp_refuse(struct smtp_session *s, int code, const char *enhanced, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	reply(s, code, enhanced, fmt, ap);
	va_end(ap);
	s->errors++;
}

void
smtp_session_shut(struct smtp_session *s, const char *enhanced, const char *why)
{
	if (s->state == SMTP_CLOSING)
		return;
	smtp_reply(s, 421, enhanced, "%s %s", service_hostname(s->service), why);
	smtp_move(s, SMTP_CLOSING);
}

bool
smtp_ask(struct smtp_session *s, struct channel *c,
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
smtp_asked(struct smtp_session *s)
{
	channel_done(s->asked, s->request);
	s->request = 0;
}

void
smtp_transaction_reset(struct smtp_session *s)
{
	smtp_transaction_free(s->transaction);
	s->transaction = NULL;
}

static void
greet(struct smtp_session *s)
{
	smtp_reply(s, 220, "", "%s ESMTP Kurir", service_hostname(s->service));
	smtp_move(s, SMTP_COMMAND);
}

static void
on_name(void *owner, struct ipc_message *m)
{
	struct smtp_session *s = owner;
	const struct ar_name *n;

	if (m->schema != &ar_name_schema) {
		channel_violation(m->channel, m->schema->name);
		return;
	}
	n = m->body;
	if (n->status == DNS_OK && n->name.len > 0) {
		s->rdns = slice_text(n->name);
		s->is_confirmed_rdns = n->confirmed != 0;
	}
	channel_done(m->channel, s->ptr_request);
	s->ptr_request = 0;
	smtp_session_step(s);
}

static void
on_no_name(void *owner, enum channel_end why)
{
	struct smtp_session *s = owner;

	s->ptr_request = 0;
	smtp_session_step(s);
}

/* Asks for the client's name, unless it is this machine or nobody answers. */
static void
ask_name(struct smtp_session *s)
{
	struct channel_request r = {.answer = on_name, .ended = on_no_name, .owner = s,
	    .deadline = SPAN_SECONDS(PTR_SECONDS)};
	struct ar_ptr ptr = {
	    .address = slice_make((const char *)s->peer.octets, s->peer.family == AF_INET6 ? 16 : 4)};

	if (netaddr_is_loopback(&s->peer))
		return;
	s->ptr_request = channel_request(smtp_server.resolver, &r);
	if (s->ptr_request != 0)
		ar_ptr_send(smtp_server.resolver, s->ptr_request, &ptr, -1);
}

/* The greeting waits for the name, so that every rule and trace field can use it. */
static enum smtp_next
when_greeting(struct smtp_session *s)
{
	if (s->service->listen->tls == TLS_IMPLICIT && !s->is_tls) {
		smtp_move(s, SMTP_TLS);
		stream_start_tls_server(s->stream, s->service->tls);
		return SMTP_GO_ON;
	}
	if (s->ptr_request != 0)
		return SMTP_WAIT;
	greet(s);
	return SMTP_GO_ON;
}

static enum smtp_next
when_tls(struct smtp_session *s)
{
	if (stream_failure(s->stream)[0] != '\0') {
		log_event(&s->log, EV_tls_failed, WORD("text", stream_failure(s->stream)));
		smtp_move(s, SMTP_CLOSING);
		return SMTP_GO_ON;
	}
	if (stream_is_handshaking(s->stream)) {
		struct slice nothing;

		stream_peek(s->stream, &nothing);
		return SMTP_WAIT;
	}
	s->is_tls = true;
	smtp_move(s, s->service->listen->tls == TLS_IMPLICIT ? SMTP_GREETING : SMTP_COMMAND);
	return SMTP_GO_ON;
}

static enum smtp_next
when_closing(struct smtp_session *s)
{
	return SMTP_END;
}

static enum smtp_next
when_asking(struct smtp_session *s)
{
	return SMTP_WAIT;
}

static void
on_deadline(void *owner)
{
	struct smtp_session *s = owner;

	if (is_asking(s->state)) {
		timer_start(&s->deadline, SPAN_SECONDS(LIMIT_COMMAND_SECONDS));
		return;
	}
	smtp_session_shut(s, "4.4.2", "timeout: nothing came for too long");
	smtp_session_step(s);
}

static void
free_session(struct smtp_session *s)
{
	log_event(&s->log, EV_disconnect, NUM("messages", s->messages), NUM("errors", s->errors));
	if (s->request != 0)
		channel_done(s->asked, s->request);
	if (s->ptr_request != 0)
		channel_done(smtp_server.resolver, s->ptr_request);
	smtp_transaction_reset(s);
	task_cancel(&s->again);
	timer_stop(&s->deadline);
	stream_finish(s->stream);
	LIST_REMOVE(s, link);
	service_leave(s->service, &s->peer);
	free(s->rdns);
	free(s->helo);
	free(s->user);
	free(s->auth_user);
	free(s);
}

static enum smtp_next
step_once(struct smtp_session *s)
{
	switch (s->state) {
	case SMTP_GREETING:
		return when_greeting(s);
	case SMTP_COMMAND:
		return smtp_when_command(s);
	case SMTP_TLS:
		return when_tls(s);
	case SMTP_AUTH_INPUT:
		return smtp_when_auth_input(s);
	case SMTP_DATA:
		return smtp_when_data(s);
	case SMTP_SENDER_ASK:
	case SMTP_RCPT_ASK:
	case SMTP_AUTH_ASK:
	case SMTP_SPOOL_ASK:
	case SMTP_STORE_ASK:
		return when_asking(s);
	case SMTP_CLOSING:
		return when_closing(s);
	case SMTP_STATE_COUNT:
		break;
	}
	PANIC("a session without a state");
}

void
smtp_session_step(struct smtp_session *s)
{
	enum smtp_next next = SMTP_GO_ON;

	for (int i = 0; i < STEPS_IN_A_TURN && next == SMTP_GO_ON; i++)
		next = step_once(s);
	if (next == SMTP_END)
		free_session(s);
	else if (next == SMTP_GO_ON)
		task_queue(&s->again);
}

static void
on_again(void *owner)
{
	smtp_session_step(owner);
}

static void
on_wake(void *owner)
{
	struct smtp_session *s = owner;

	/* While another process is asked, a client that hangs up is noticed when the answer is there. */
	if (!is_asking(s->state))
		smtp_session_step(s);
}

void
smtp_session_start(struct service *service, int fd, const struct netaddr *peer,
    const struct netaddr *local)
{
	struct smtp_session *s = mem_zero(sizeof(*s));
	char text[NETADDR_TEXT];

	s->service = service;
	s->peer = *peer;
	s->local = *local;
	s->id = id_random();
	s->is_local = service->listen->local != 0;
	s->log = (struct log_context){.key = "session", .id = s->id};
	s->stream = stream_new(fd, on_wake, s);
	task_init(&s->again, on_again, s);
	timer_init(&s->deadline, on_deadline, s);
	timer_start(&s->deadline, SPAN_SECONDS(LIMIT_COMMAND_SECONDS));
	service_enter(service);
	LIST_INSERT_HEAD(&smtp_server.sessions, s, link);
	log_event(&s->log, EV_connect, WORD("from", netaddr_format(peer, text)),
	    NUM("port", service->listen->port));
	if (s->is_local)
		s->user = smtp_local_user(fd);
	else
		ask_name(s);
	smtp_session_step(s);
}
