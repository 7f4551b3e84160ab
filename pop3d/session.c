/*
 * Invariant: messages are removed only in UPDATE_ASK, which only QUIT leads to.
 */
#include "pop3d/session.h"

#include "common/base/ascii.h"
#include "common/base/assert.h"
#include "common/base/mem.h"
#include "common/ipc/any_mailbox.h"
#include "common/session/login.h"
#include "pop3d/command.h"

#include <stdio.h>

enum {
	REPLY = 512,
	ASKING = TO(LOGIN_ASK) | TO(OPEN_ASK) | TO(FETCH_ASK) | TO(UPDATE_ASK),
};

_Static_assert(sizeof(struct pop3_session) <= 512, "a session at rest is small");

void
pop3_move(struct pop3_session *s, enum pop3_state next)
{
	session_move(&s->base, next);
}

static void __attribute__((format(printf, 3, 0)))
say(struct pop3_session *s, const char *status, const char *fmt, va_list ap)
{
	char line[REPLY - 2];
	int n = snprintf(line, sizeof(line), "%s ", status);

	vsnprintf(line + n, sizeof(line) - (size_t)n, fmt, ap);
	ascii_make_printable(line);
	stream_write(s->base.stream, slice_of(line));
	stream_write(s->base.stream, SLICE("\r\n"));
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

static void
free_session(struct session *base)
{
	struct pop3_session *s = (struct pop3_session *)base;

	log_event(&s->base.log, EV_disconnect, NUM("errors", s->errors));
	if (s->mailbox != NULL && s->handle != 0) {
		struct am_close close_it = {.handle = s->handle};

		am_close_send(s->mailbox, 0, &close_it, -1);
	}
	pop3_retrieve_stop(&s->retrieve);
	pop3_ahead_drop(&s->ahead);
	pop3_drop_fini(&s->drop);
	LIST_REMOVE(s, link);
	session_fini(&s->base);
	free(s->user);
	free(s);
}

void
pop3_session_shut(struct pop3_session *s, const char *why)
{
	/* An answer that is still to come has nobody left to read it. */
	session_request_done(&s->base);
	if (s->base.state != POP3_CLOSING) {
		if (s->base.state != POP3_SENDING && s->base.state != POP3_TLS)
			pop3_err(s, "[SYS/TEMP] %s", why);
		pop3_move(s, POP3_CLOSING);
	}
	session_again(&s->base);
}

void
pop3_session_lost(struct pop3_session *s)
{
	s->mailbox = NULL;
	pop3_session_shut(
	    s, "the mail store was restarted; nothing was deleted, please log in again");
}

static void
greet(struct pop3_session *s)
{
	pop3_ok(s, "%s POP3 Kurir", service_hostname(s->base.service));
}

static void
secured(struct session *base)
{
	struct pop3_session *s = (struct pop3_session *)base;

	pop3_move(s, POP3_AUTHORIZATION);
	if (s->base.service->listen->tls == TLS_IMPLICIT)
		greet(s);
}

/* Fills the client's window block by block, and waits when it is full. */
static enum session_next
when_sending(struct pop3_session *s)
{
	struct buf block = {0};
	bool failed = false, more = true;

	if (stream_failure(s->base.stream)[0] != '\0') {
		pop3_move(s, POP3_CLOSING);
		return SESSION_GO_ON;
	}
	session_heard(&s->base);
	while (more && stream_pending(s->base.stream) < STREAM_HIGH) {
		more = pop3_retrieve_next(&s->retrieve, &block, &failed);
		stream_write(s->base.stream, buf_slice(&block));
		buf_clear(&block);
	}
	buf_fini(&block);
	if (more)
		return SESSION_WAIT;
	pop3_retrieve_stop(&s->retrieve);
	pop3_move(s, failed ? POP3_CLOSING : POP3_TRANSACTION);
	return SESSION_GO_ON;
}

static enum session_next
step(struct session *base)
{
	struct pop3_session *s = (struct pop3_session *)base;

	switch ((enum pop3_state)base->state) {
	case POP3_AUTHORIZATION:
	case POP3_TRANSACTION:
		return pop3_when_command(s);
	case POP3_AUTH_INPUT:
		return login_when_input(base);
	case POP3_TLS:
		return session_when_tls(base);
	case POP3_SENDING:
		return when_sending(s);
	case POP3_LOGIN_ASK:
	case POP3_OPEN_ASK:
	case POP3_FETCH_ASK:
	case POP3_UPDATE_ASK:
		return SESSION_WAIT;
	case POP3_CLOSING:
		return SESSION_END;
	case POP3_STATE_COUNT:
		break;
	}
	PANIC("a session without a state");
}

/* Before the maildrop is open a client has little time. */
static struct span
patience(const struct session *base)
{
	const struct pop3_session *s = (const struct pop3_session *)base;

	return SPAN_SECONDS(s->handle != 0 ? LIMIT_POP3_SECONDS : LIMIT_LOGIN_SECONDS);
}

static void
silent(struct session *base)
{
	pop3_session_shut((struct pop3_session *)base, "nothing came for too long");
}

static const unsigned moves[] = {
#define S(name, waits, next) next,
    POP3_STATES(S)
#undef S
};

static const struct session_kind kind = {
    .moves = moves,
    .login = &pop3_login,
    .asking = ASKING,
    .open = ASKING,
    .closing = POP3_CLOSING,
    .step = step,
    .patience = patience,
    .secured = secured,
    .silent = silent,
    .free = free_session,
};

void
pop3_session_start(struct service *service, int fd, const struct netaddr *peer)
{
	struct pop3_session *s = mem_zero(sizeof(*s));
	char text[NETADDR_TEXT];

	s->retrieve.fd = -1;
	session_init(&s->base, &kind, service, fd, peer);
	LIST_INSERT_HEAD(&pop3_server.sessions, s, link);
	log_event(&s->base.log, EV_connect, WORD("from", netaddr_format(peer, text)),
	    NUM("port", service->listen->port));
	if (service->listen->tls == TLS_IMPLICIT) {
		pop3_move(s, POP3_TLS);
		session_start_tls(&s->base);
	} else {
		greet(s);
	}
	session_step(&s->base);
}
