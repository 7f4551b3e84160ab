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
#include "common/net/sasl.h"
#include "smtpd/listener/command.h"
#include "smtpd/listener/greeting.h"

#include <stdio.h>
#include <string.h>

enum { STEPS_IN_A_TURN = 64 };

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

struct reply {
	char line[LIMIT_SMTP_REPLY - 2];
};

/* A reply must be one printable line of at most LIMIT_SMTP_REPLY octets, whatever it quotes. */
static struct reply __attribute__((format(printf, 4, 0)))
reply(struct smtp_session *s, int code, const char *enhanced, const char *fmt, va_list ap)
{
	struct reply r;
	int n = snprintf(
	    r.line, sizeof(r.line), "%d %s%s", code, enhanced, enhanced[0] == '\0' ? "" : " ");

	vsnprintf(r.line + n, sizeof(r.line) - (size_t)n, fmt, ap);
	for (char *p = r.line; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || (unsigned char)*p >= 127)
			*p = '?';
	}
	stream_write(s->stream, slice_of(r.line));
	stream_write(s->stream, SLICE("\r\n"));
	return r;
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
smtp_reject(struct smtp_session *s, int code, const char *enhanced, const char *fmt, ...)
{
	const struct smtp_transaction *t = s->transaction;
	struct log_field fields[4] = {0};
	size_t n = 0;
	struct reply r;
	va_list ap;

	va_start(ap, fmt);
	r = reply(s, code, enhanced, fmt, ap);
	va_end(ap);
	if (t != NULL)
		fields[n++] = WORD("from", t->sender);
	if (t != NULL && t->pending_original != NULL)
		fields[n++] = WORD("to", t->pending_original);
	fields[n] = WORD("reply", r.line);
	log_write(&s->log, EV_refused, fields);
	if (code >= 500)
		s->errors++;
}

void
smtp_session_shut(struct smtp_session *s, const char *enhanced, const char *why)
{
	if (s->state == SMTP_CLOSING)
		return;
	smtp_reply(s, 421, enhanced, "%s %s", smtp_hostname(s), why);
	smtp_move(s, SMTP_CLOSING);
}

bool
smtp_ask(struct smtp_session *s, struct channel *c,
    void (*answer)(void *owner, struct ipc_message *m),
    void (*ended)(void *owner, enum channel_end why), struct span deadline)
{
	struct channel_request r = {
	    .answer = answer, .ended = ended, .owner = s, .deadline = deadline};

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
	smtp_greeting_end(s);
	smtp_transaction_reset(s);
	task_cancel(&s->again);
	timer_stop(&s->deadline);
	stream_finish(s->stream);
	LIST_REMOVE(s, link);
	service_leave(s->service, &s->connected);
	free(s->rdns);
	free(s->hostname);
	free(s->helo);
	free(s->user);
	sasl_free(s->sasl);
	free(s);
}

static enum smtp_next
step_once(struct smtp_session *s)
{
	switch (s->state) {
	case SMTP_GREETING:
		return smtp_when_greeting(s);
	case SMTP_PROXY:
		return smtp_when_proxy(s);
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

	/* While another process is asked, a client that hangs up is noticed when the answer is
	 * there. */
	if (!is_asking(s->state))
		smtp_session_step(s);
}

void
smtp_session_start(
    struct service *service, int fd, const struct netaddr *peer, const struct netaddr *local)
{
	struct smtp_session *s = mem_zero(sizeof(*s));

	s->service = service;
	s->peer = s->connected = *peer;
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
	s->user = s->is_local ? smtp_local_user(fd) : NULL;
	smtp_greeting_begin(s);
	smtp_session_step(s);
}
