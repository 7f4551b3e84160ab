/*
 * AUTH (RFC 4954). The secret is wiped from memory as soon as lookup has it, and never reaches the
 * log.
 */
#include "smtpd/listener/command.h"

#include "common/ipc/any_lookup.h"
#include "common/net/sasl.h"

#include <stdlib.h>

enum { AUTH_SECONDS = 30 };

static void
auth_over(struct smtp_session *s)
{
	sasl_free(s->sasl);
	s->sasl = NULL;
	if (s->base.state == SMTP_AUTH_INPUT || s->base.state == SMTP_AUTH_ASK)
		smtp_move(s, SMTP_COMMAND);
}

static void
auth_refuse(struct smtp_session *s, int code, const char *enhanced, const char *text)
{
	smtp_refuse(s, code, enhanced, "%s", text);
	auth_over(s);
}

static void
on_login_ended(void *owner, enum channel_end why)
{
	struct smtp_session *s = owner;

	s->base.request = 0;
	auth_refuse(s, 454, "4.7.0", "cannot check the password now, try again later");
	session_step(&s->base);
}

static void
login_wrong(struct smtp_session *s, struct slice user)
{
	char from[NETADDR_TEXT];

	log_event(&s->base.log, EV_auth_failed, WORD("from", netaddr_format(&s->base.peer, from)),
	    TEXT("user", user));
	auth_refuse(s, 535, "5.7.8", "user or password is wrong");
	if (++s->auth_failures >= LIMIT_AUTH_FAILURES)
		smtp_session_shut(s, "4.7.0", "too many wrong passwords");
}

static void
on_login(void *owner, struct ipc_message *m)
{
	struct smtp_session *s = owner;
	const struct al_login_is *is;

	if (m->schema != &al_login_is_schema) {
		channel_violation(m->channel, m->schema->name);
		return;
	}
	is = m->body;
	session_asked(&s->base);
	switch ((enum al_login_result)is->result) {
	case LOGIN_OK:
		s->user = slice_text(is->account);
		log_event(&s->base.log, EV_auth_ok, TEXT("user", is->account));
		smtp_reply(s, 235, "2.7.0", "welcome");
		auth_over(s);
		break;
	case LOGIN_WRONG:
		login_wrong(s, is->account);
		break;
	case LOGIN_TEMPORARY:
		auth_refuse(s, 454, "4.7.0", "cannot check the password now, try again later");
		break;
	}
	session_step(&s->base);
}

static void
check(struct smtp_session *s, struct slice user, struct slice secret)
{
	char client[NETADDR_TEXT];
	struct al_login login = {.service = s->base.service->listen->service,
	    .table = s->base.service->listen->auth_table,
	    .user = user,
	    .secret = secret,
	    .client = slice_of(netaddr_format(&s->base.peer, client))};

	if (!session_ask(&s->base, smtp_server.lookup, on_login, on_login_ended,
		SPAN_SECONDS(AUTH_SECONDS)) ||
	    !al_login_send(smtp_server.lookup, s->base.request, &login, -1)) {
		if (s->base.request != 0)
			session_asked(&s->base);
		auth_refuse(s, 454, "4.7.0", "cannot check the password now, try again later");
		return;
	}
	smtp_move(s, SMTP_AUTH_ASK);
}

static void
take_response(struct smtp_session *s, enum sasl_result result)
{
	switch (result) {
	case SASL_CHALLENGE:
		stream_printf(s->base.stream, "334 %s\r\n", sasl_challenge(s->sasl));
		if (s->base.state != SMTP_AUTH_INPUT)
			smtp_move(s, SMTP_AUTH_INPUT);
		break;
	case SASL_CREDENTIALS:
		check(s, sasl_user(s->sasl), sasl_secret(s->sasl));
		sasl_free(s->sasl);
		s->sasl = NULL;
		break;
	case SASL_WRONG:
		login_wrong(s, SLICE(""));
		break;
	case SASL_MALFORMED:
		auth_refuse(s, 501, "5.5.2", sasl_form(s->sasl));
		break;
	case SASL_CANCELLED:
		auth_refuse(s, 501, "5.7.0", "authentication given up");
		break;
	}
}

enum session_next
smtp_when_auth_input(struct smtp_session *s)
{
	struct slice line;

	switch (stream_line(s->base.stream, SASL_LINE, &line)) {
	case STREAM_OK:
		session_heard(&s->base);
		take_response(s, sasl_feed(s->sasl, line));
		stream_wipe(s->base.stream);
		return SESSION_GO_ON;
	case STREAM_AGAIN:
		return SESSION_WAIT;
	case STREAM_BARE:
		auth_refuse(s, 500, "5.5.2", "a line ends in CR LF");
		return SESSION_GO_ON;
	case STREAM_TOO_LONG:
		auth_refuse(s, 500, "5.5.6", "the response is too long");
		return SESSION_GO_ON;
	case STREAM_FLOOD:
	case STREAM_CLOSED:
		break;
	}
	smtp_move(s, SMTP_CLOSING);
	return SESSION_GO_ON;
}

static bool
may_auth(struct smtp_session *s)
{
	const struct conf_listen *l = s->base.service->listen;

	if (l->auth == AUTH_NONE)
		smtp_refuse(s, 502, "5.5.1", "authentication is not offered here");
	else if (!s->has_ehlo)
		smtp_refuse(s, 503, "5.5.1", "say EHLO first");
	else if (s->user != NULL)
		smtp_refuse(s, 503, "5.5.1", "you are authenticated already");
	else if (s->transaction != NULL)
		smtp_refuse(s, 503, "5.5.1", "AUTH inside a transaction; RSET first");
	else if (!smtp_auth_is_offered(s))
		smtp_refuse(s, 538, "5.7.11", "a password needs TLS: say STARTTLS first");
	else
		return true;
	return false;
}

/* The argument: mechanism, and perhaps an initial response. */
static void
begin_auth(struct smtp_session *s, const struct smtp_command *c)
{
	if (!may_auth(s))
		return;
	s->sasl = sasl_new(c->mechanism);
	if (s->sasl == NULL)
		smtp_refuse(s, 504, "5.5.4", "the mechanisms of AUTH are " SASL_MECHANISMS);
	else
		take_response(s, sasl_start(s->sasl, c->has_initial ? &c->initial : NULL));
}

/* Refused or not, there may be a password in the line. */
void
smtp_command_auth(struct smtp_session *s, const struct smtp_command *c)
{
	begin_auth(s, c);
	stream_wipe(s->base.stream);
}
