/*
 * Invariant: a transaction exists only after MAIL and before its end, and ends only through
 * smtp_transaction_reset(), so nothing of it can leak into the next.
 */
#include "smtpd/listener/session.h"

#include "common/base/ascii.h"
#include "common/base/assert.h"
#include "common/base/mem.h"
#include "common/session/login.h"
#include "smtpd/listener/command.h"
#include "smtpd/listener/greeting.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	ASKING = TO(SENDER_ASK) | TO(RCPT_ASK) | TO(AUTH_ASK) | TO(SPOOL_ASK) | TO(STORE_ASK),
};

_Static_assert(sizeof(struct smtp_session) <= 512, "a session at rest is small");

void
smtp_move(struct smtp_session *s, enum smtp_state next)
{
	session_move(&s->base, next);
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
	ascii_make_printable(r.line);
	stream_write(s->base.stream, slice_of(r.line));
	stream_write(s->base.stream, SLICE("\r\n"));
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
	if (t != NULL && t->pending.original != NULL)
		fields[n++] = WORD("to", t->pending.original);
	fields[n] = WORD("reply", r.line);
	log_write(&s->base.log, EV_refused, fields);
	if (code >= 500)
		s->errors++;
}

const char *
smtp_hostname(const struct smtp_session *s)
{
	return s->hostname != NULL ? s->hostname : service_hostname(s->base.service);
}

void
smtp_session_shut(struct smtp_session *s, const char *enhanced, const char *why)
{
	if (s->base.state == SMTP_CLOSING)
		return;
	smtp_reply(s, 421, enhanced, "%s %s", smtp_hostname(s), why);
	smtp_move(s, SMTP_CLOSING);
}

void
smtp_transaction_reset(struct smtp_session *s)
{
	smtp_transaction_free(s->transaction);
	s->transaction = NULL;
}

static void
secured(struct session *base)
{
	session_move(
	    base, base->service->listen->tls == TLS_IMPLICIT ? SMTP_GREETING : SMTP_COMMAND);
}

static struct span
patience(const struct session *base)
{
	return SPAN_SECONDS(LIMIT_COMMAND_SECONDS);
}

static void
silent(struct session *base)
{
	struct smtp_session *s = (struct smtp_session *)base;

	smtp_session_shut(s, "4.4.2",
	    base->state == SMTP_DATA ? "timeout: the message came too slowly"
				     : "timeout: nothing came for too long");
}

static void
free_session(struct session *base)
{
	struct smtp_session *s = (struct smtp_session *)base;

	log_event(
	    &s->base.log, EV_disconnect, NUM("messages", s->messages), NUM("errors", s->errors));
	smtp_greeting_end(s);
	smtp_transaction_reset(s);
	LIST_REMOVE(s, link);
	session_fini(&s->base);
	free(s->rdns);
	free(s->hostname);
	free(s->helo);
	free(s->user);
	free(s);
}

static enum session_next
step(struct session *base)
{
	struct smtp_session *s = (struct smtp_session *)base;

	switch ((enum smtp_state)base->state) {
	case SMTP_GREETING:
		return smtp_when_greeting(s);
	case SMTP_PROXY:
		return smtp_when_proxy(s);
	case SMTP_COMMAND:
		return smtp_when_command(s);
	case SMTP_TLS:
		return session_when_tls(base);
	case SMTP_AUTH_INPUT:
		return login_when_input(base);
	case SMTP_DATA:
		return smtp_when_data(s);
	case SMTP_SENDER_ASK:
	case SMTP_RCPT_ASK:
	case SMTP_AUTH_ASK:
	case SMTP_SPOOL_ASK:
	case SMTP_STORE_ASK:
		return SESSION_WAIT;
	case SMTP_CLOSING:
		return SESSION_END;
	case SMTP_STATE_COUNT:
		break;
	}
	PANIC("a session without a state");
}

static const unsigned moves[] = {
#define S(name, waits, next) next,
    SMTP_STATES(S)
#undef S
};

/* The questions for names, which the greeting waits for, are not the one request meant here. */
static const struct session_kind kind = {
    .moves = moves,
    .login = &smtp_login,
    .asking = ASKING,
    .open = ASKING,
    .closing = SMTP_CLOSING,
    .step = step,
    .patience = patience,
    .secured = secured,
    .silent = silent,
    .free = free_session,
};

/* Who is at the other end of a Unix socket, as the kernel says. Without files there is no user
 * database: the number is the name that nobody can forge. */
static char *
local_user(int fd)
{
	char *name;
	uid_t uid;
	gid_t gid;

	if (getpeereid(fd, &uid, &gid) < 0 || asprintf(&name, "uid:%lu", (unsigned long)uid) < 0)
		return NULL;
	return name;
}

void
smtp_session_start(
    struct service *service, int fd, const struct netaddr *peer, const struct netaddr *local)
{
	struct smtp_session *s = mem_zero(sizeof(*s));

	s->local = *local;
	s->is_local = service->listen->local != 0;
	session_init(&s->base, &kind, service, fd, peer);
	LIST_INSERT_HEAD(&smtp_server.sessions, s, link);
	s->user = s->is_local ? local_user(fd) : NULL;
	smtp_greeting_begin(s);
	session_step(&s->base);
}
