/* CAPA, STLS, USER, PASS, AUTH: before the maildrop is open. Secrets are wiped and never logged. */
#include "pop3d/command.h"

#include "common/base/mem.h"
#include "common/ipc/any_lookup.h"
#include "common/net/sasl.h"

enum { LOGIN_SECONDS = 40 };

bool
pop3_may_login(const struct pop3_session *s)
{
	return session_is_private(&s->base);
}

void
pop3_command_capa(struct pop3_session *s, struct slice argument)
{
	pop3_ok(s, "this is what works here");
	stream_write(s->base.stream,
	    SLICE("TOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nEXPIRE NEVER\r\n"));
	if (pop3_may_login(s))
		stream_write(s->base.stream, SLICE("USER\r\nSASL " SASL_MECHANISMS "\r\n"));
	if (!s->base.is_tls && s->base.service->tls != NULL && s->base.state == POP3_AUTHORIZATION)
		stream_write(s->base.stream, SLICE("STLS\r\n"));
	stream_write(s->base.stream, SLICE("IMPLEMENTATION Kurir\r\n.\r\n"));
}

void
pop3_command_stls(struct pop3_session *s, struct slice argument)
{
	if (s->base.is_tls) {
		pop3_err(s, "TLS is already on");
		return;
	}
	if (s->base.service->tls == NULL || argument.len > 0) {
		pop3_err(s, "TLS is not offered here");
		return;
	}
	pop3_ok(s, "go ahead");
	free(s->user);
	s->user = NULL;
	pop3_move(s, POP3_TLS);
	session_start_tls(&s->base);
}

static void
back_to_start(struct pop3_session *s)
{
	if (s->base.state != POP3_AUTHORIZATION)
		pop3_move(s, POP3_AUTHORIZATION);
}

static void
wrong(struct pop3_session *s, struct slice user)
{
	char from[NETADDR_TEXT];

	log_event(&s->base.log, EV_auth_failed, WORD("from", netaddr_format(&s->base.peer, from)),
	    TEXT("user", user));
	pop3_err(s, "[AUTH] user or password is wrong");
	back_to_start(s);
	if (++s->auth_failures >= LIMIT_AUTH_FAILURES)
		pop3_session_shut(s, "too many wrong passwords");
}

static void
temporary(struct pop3_session *s)
{
	pop3_err(s, "[SYS/TEMP] cannot check the password now, try again later");
	back_to_start(s);
}

static void
on_login_ended(void *owner, enum channel_end why)
{
	struct pop3_session *s = owner;

	s->base.request = 0;
	temporary(s);
	session_step(&s->base);
}

static void
on_login(void *owner, struct ipc_message *m)
{
	struct pop3_session *s = owner;
	const struct al_login_is *is = m->body;

	session_asked(&s->base);
	switch ((enum al_login_result)is->result) {
	case LOGIN_OK:
		log_event(&s->base.log, EV_auth_ok, TEXT("user", is->account));
		pop3_move(s, POP3_OPEN_ASK);
		pop3_open(s, is->token, is->mailbox);
		break;
	case LOGIN_WRONG:
		wrong(s, is->account);
		break;
	case LOGIN_TEMPORARY:
		temporary(s);
		break;
	}
	session_step(&s->base);
}

static void
check(struct pop3_session *s, struct slice user, struct slice secret)
{
	char client[NETADDR_TEXT];
	struct al_login login = {.service = SERVICE_POP3,
	    .table = s->base.service->listen->auth_table,
	    .user = user,
	    .secret = secret,
	    .client = slice_of(netaddr_format(&s->base.peer, client))};

	if (!sasl_is_possible(user, secret)) {
		wrong(s, SLICE(""));
		return;
	}
	if (!session_ask(&s->base, pop3_server.lookup, on_login, on_login_ended,
		SPAN_SECONDS(LOGIN_SECONDS))) {
		temporary(s);
		return;
	}
	pop3_move(s, POP3_LOGIN_ASK);
	al_login_send(pop3_server.lookup, s->base.request, &login, -1);
}

static bool
may_login(struct pop3_session *s)
{
	if (pop3_may_login(s))
		return true;
	pop3_err(s, "a password needs TLS: say STLS first");
	return false;
}

void
pop3_command_user(struct pop3_session *s, struct slice argument)
{
	if (!may_login(s))
		return;
	if (argument.len == 0 || argument.len > LIMIT_USER) {
		pop3_err(s, "USER needs a name");
		return;
	}
	free(s->user);
	s->user = slice_text(argument);
	pop3_ok(s, "and the password?");
}

void
pop3_command_pass(struct pop3_session *s, struct slice argument)
{
	char *user = s->user;

	if (!may_login(s))
		return;
	if (user == NULL) {
		pop3_err(s, "say USER first");
		return;
	}
	s->user = NULL;
	check(s, slice_of(user), argument);
	free(user);
}

/* The exchange is over; what is left of its secrets is wiped. */
static void
end_auth(struct pop3_session *s)
{
	sasl_free(s->sasl);
	s->sasl = NULL;
}

static void
take_response(struct pop3_session *s, enum sasl_result result)
{
	switch (result) {
	case SASL_CHALLENGE:
		stream_printf(s->base.stream, "+ %s\r\n", sasl_challenge(s->sasl));
		if (s->base.state != POP3_AUTH_INPUT)
			pop3_move(s, POP3_AUTH_INPUT);
		return;
	case SASL_CREDENTIALS:
		check(s, sasl_user(s->sasl), sasl_secret(s->sasl));
		break;
	case SASL_WRONG:
		wrong(s, SLICE(""));
		break;
	case SASL_MALFORMED:
		pop3_err(s, "%s", sasl_form(s->sasl));
		back_to_start(s);
		break;
	case SASL_CANCELLED:
		pop3_err(s, "authentication given up");
		back_to_start(s);
		break;
	}
	end_auth(s);
}

void
pop3_command_auth(struct pop3_session *s, struct slice argument)
{
	struct slice mechanism;

	if (!may_login(s))
		return;
	s->sasl = slice_word(&argument, &mechanism) ? sasl_new(mechanism) : NULL;
	if (s->sasl == NULL)
		pop3_err(s, "the mechanisms of AUTH are " SASL_MECHANISMS);
	else
		take_response(s, sasl_start(s->sasl, argument.len > 0 ? &argument : NULL));
}

enum session_next
pop3_when_auth_input(struct pop3_session *s)
{
	struct slice line;

	switch (stream_line(s->base.stream, SASL_LINE, &line)) {
	case STREAM_OK:
		take_response(s, sasl_feed(s->sasl, line));
		stream_wipe(s->base.stream);
		return SESSION_GO_ON;
	case STREAM_AGAIN:
		return SESSION_WAIT;
	case STREAM_BARE:
	case STREAM_TOO_LONG:
		take_response(s, SASL_MALFORMED);
		return SESSION_GO_ON;
	case STREAM_FLOOD:
	case STREAM_CLOSED:
		break;
	}
	pop3_move(s, POP3_CLOSING);
	return SESSION_GO_ON;
}
