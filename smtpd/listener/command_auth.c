/*
 * AUTH PLAIN and LOGIN (RFC 4954, 4616). The secret is wiped from memory as soon as lookup has
 * it, and never reaches the log.
 */
#include "smtpd/listener/command.h"

#include "common/base/encode.h"
#include "common/ipc/any_lookup.h"

#include <stdlib.h>
#include <string.h>

enum { AUTH_SECONDS = 30, AUTH_RESPONSE = 12288 };

static void
auth_over(struct smtp_session *s)
{
	free(s->auth_user);
	s->auth_user = NULL;
	if (s->state == SMTP_AUTH_INPUT || s->state == SMTP_AUTH_ASK)
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

	s->request = 0;
	auth_refuse(s, 454, "4.7.0", "cannot check the password now, try again later");
	smtp_session_step(s);
}

static void
login_wrong(struct smtp_session *s, struct slice user)
{
	char from[NETADDR_TEXT];

	log_event(&s->log, EV_auth_failed, WORD("from", netaddr_format(&s->peer, from)),
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
	smtp_asked(s);
	switch ((enum al_login_result)is->result) {
	case LOGIN_OK:
		s->user = slice_text(is->account);
		log_event(&s->log, EV_auth_ok, TEXT("user", is->account));
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
	smtp_session_step(s);
}

static void
check(struct smtp_session *s, struct slice user, struct slice secret)
{
	char client[NETADDR_TEXT];
	struct al_login login = {.service = s->service->listen->service,
	    .table = s->service->listen->auth_table, .user = user, .secret = secret,
	    .client = slice_of(netaddr_format(&s->peer, client))};

	if (user.len == 0 || user.len > LIMIT_USER || secret.len > LIMIT_SECRET ||
	    slice_find(user, '\0') >= 0 || slice_find(secret, '\0') >= 0) {
		login_wrong(s, SLICE(""));
		return;
	}
	if (!smtp_ask(s, smtp_server.lookup, on_login, on_login_ended, SPAN_SECONDS(AUTH_SECONDS)) ||
	    !al_login_send(smtp_server.lookup, s->request, &login, -1)) {
		if (s->request != 0)
			smtp_asked(s);
		auth_refuse(s, 454, "4.7.0", "cannot check the password now, try again later");
		return;
	}
	smtp_move(s, SMTP_AUTH_ASK);
}

/* authzid NUL authcid NUL password (RFC 4616); acting for somebody else is not offered. */
static void
take_plain(struct smtp_session *s, struct slice message)
{
	ptrdiff_t first = slice_find(message, '\0'), second;
	struct slice authzid, user, secret;

	if (first < 0) {
		auth_refuse(s, 501, "5.5.2", "a PLAIN response is: NUL user NUL password, in base64");
		return;
	}
	authzid = slice_sub(message, 0, (size_t)first);
	message = slice_from(message, (size_t)first + 1);
	second = slice_find(message, '\0');
	if (second < 0) {
		auth_refuse(s, 501, "5.5.2", "a PLAIN response is: NUL user NUL password, in base64");
		return;
	}
	user = slice_sub(message, 0, (size_t)second);
	secret = slice_from(message, (size_t)second + 1);
	if (authzid.len > 0 && !slice_equal(authzid, user))
		login_wrong(s, SLICE(""));
	else
		check(s, user, secret);
}

static void
prompt(struct smtp_session *s, enum smtp_auth_step step, const char *challenge)
{
	s->auth_step = step;
	stream_printf(s->stream, "334 %s\r\n", challenge);
	if (s->state != SMTP_AUTH_INPUT)
		smtp_move(s, SMTP_AUTH_INPUT);
}

static void
take_response(struct smtp_session *s, struct slice octets)
{
	switch (s->auth_step) {
	case AUTH_STEP_PLAIN:
		take_plain(s, octets);
		break;
	case AUTH_STEP_LOGIN_USER:
		if (slice_find(octets, '\0') >= 0 || octets.len > LIMIT_USER) {
			login_wrong(s, SLICE(""));
			break;
		}
		free(s->auth_user);
		s->auth_user = slice_text(octets);
		prompt(s, AUTH_STEP_LOGIN_SECRET, "UGFzc3dvcmQ6");
		break;
	case AUTH_STEP_LOGIN_SECRET:
		check(s, slice_of(s->auth_user), octets);
		break;
	}
}

static void
decode_response(struct smtp_session *s, struct slice line)
{
	struct buf octets;

	buf_init(&octets, AUTH_RESPONSE);
	if (!base64_decode(&octets, line))
		auth_refuse(s, 501, "5.5.2", "that is not base64");
	else
		take_response(s, buf_slice(&octets));
	if (octets.data != NULL)
		explicit_bzero(octets.data, octets.capacity);
	buf_fini(&octets);
}

enum smtp_next
smtp_when_auth_input(struct smtp_session *s)
{
	struct slice line;

	switch (stream_line(s->stream, AUTH_RESPONSE, &line)) {
	case STREAM_OK:
		timer_start(&s->deadline, SPAN_SECONDS(LIMIT_COMMAND_SECONDS));
		if (slice_equal_text(line, "*"))
			auth_refuse(s, 501, "5.7.0", "authentication given up");
		else
			decode_response(s, line);
		return SMTP_GO_ON;
	case STREAM_AGAIN:
		return SMTP_WAIT;
	case STREAM_BARE:
		auth_refuse(s, 500, "5.5.2", "a line ends in CR LF");
		return SMTP_GO_ON;
	case STREAM_TOO_LONG:
		auth_refuse(s, 500, "5.5.6", "the response is too long");
		return SMTP_GO_ON;
	case STREAM_FLOOD:
	case STREAM_CLOSED:
		break;
	}
	smtp_move(s, SMTP_CLOSING);
	return SMTP_GO_ON;
}

static bool
may_auth(struct smtp_session *s)
{
	const struct conf_listen *l = s->service->listen;

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

/* The argument: mechanism, and perhaps an initial response ("=" is an empty one). */
void
smtp_command_auth(struct smtp_session *s, const struct smtp_command *c)
{
	struct slice initial = c->initial;

	if (!may_auth(s))
		return;
	if (slice_equal_text_nocase(c->mechanism, "PLAIN"))
		s->auth_step = AUTH_STEP_PLAIN;
	else if (slice_equal_text_nocase(c->mechanism, "LOGIN"))
		s->auth_step = AUTH_STEP_LOGIN_USER;
	else {
		smtp_refuse(s, 504, "5.5.4", "use AUTH PLAIN or AUTH LOGIN");
		return;
	}
	if (!c->has_initial)
		prompt(s, s->auth_step, s->auth_step == AUTH_STEP_PLAIN ? "" : "VXNlcm5hbWU6");
	else
		decode_response(s, slice_equal_text(initial, "=") ? SLICE("") : initial);
}
