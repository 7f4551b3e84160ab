#include "common/session/login.h"

#include "common/net/sasl.h"

enum { LOGIN_SECONDS = 40 };

static void
end_sasl(struct session *s)
{
	sasl_free(s->sasl);
	s->sasl = NULL;
}

static void
refuse(struct session *s, enum login_refusal why)
{
	s->kind->login->refused(s, why, s->sasl == NULL ? "" : sasl_form(s->sasl));
	end_sasl(s);
}

static void
wrong(struct session *s, struct slice user)
{
	char from[NETADDR_TEXT];

	log_event(&s->log, EV_auth_failed, WORD("from", netaddr_format(&s->peer, from)),
	    TEXT("user", user));
	refuse(s, REFUSED_WRONG);
	if (++s->auth_failures >= LIMIT_AUTH_FAILURES)
		s->kind->login->too_often(s);
}

static void
on_ended(void *owner, enum channel_end why)
{
	struct session *s = owner;

	s->request = 0;
	refuse(s, REFUSED_NOT_NOW);
	session_again(s);
}

static void
on_login(void *owner, struct ipc_message *m)
{
	struct session *s = owner;
	const struct al_login_is *is = m->body;

	if (m->schema != &al_login_is_schema) {
		channel_violation(m->channel, m->schema->name);
		return;
	}
	session_request_done(s);
	switch ((enum al_login_result)is->result) {
	case LOGIN_OK:
		log_event(&s->log, EV_auth_ok, TEXT("user", is->account));
		s->kind->login->granted(s, is);
		break;
	case LOGIN_WRONG:
		wrong(s, is->account);
		break;
	case LOGIN_TEMPORARY:
		refuse(s, REFUSED_NOT_NOW);
		break;
	}
	session_again(s);
}

void
login_check(struct session *s, struct slice user, struct slice secret)
{
	const struct conf_listen *l = s->service->listen;
	struct channel *lookup = *s->kind->login->lookup;
	char client[NETADDR_TEXT];
	struct channel_request r = {
	    .answer = on_login, .ended = on_ended, .deadline = SPAN_SECONDS(LOGIN_SECONDS)};
	struct al_login login = {.service = l->service,
	    .table = l->auth_table,
	    .user = user,
	    .secret = secret,
	    .client = slice_of(netaddr_format(&s->peer, client))};

	if (!sasl_is_possible(user, secret)) {
		wrong(s, SLICE(""));
	} else if (!session_ask(s, lookup, &r, &al_login_schema, &login)) {
		refuse(s, REFUSED_NOT_NOW);
	} else {
		session_move(s, s->kind->login->asking);
		end_sasl(s);
	}
}

static void
take(struct session *s, enum sasl_result result)
{
	switch (result) {
	case SASL_CHALLENGE:
		stream_printf(
		    s->stream, "%s%s\r\n", s->kind->login->challenge, sasl_challenge(s->sasl));
		if (s->state != s->kind->login->input)
			session_move(s, s->kind->login->input);
		break;
	case SASL_CREDENTIALS:
		login_check(s, sasl_user(s->sasl), sasl_secret(s->sasl));
		break;
	case SASL_WRONG:
		wrong(s, SLICE(""));
		break;
	case SASL_MALFORMED:
		refuse(s, REFUSED_MALFORMED);
		break;
	case SASL_CANCELLED:
		refuse(s, REFUSED_GIVEN_UP);
		break;
	}
}

bool
login_begin(struct session *s, struct slice mechanism, const struct slice *initial)
{
	s->sasl = sasl_new(mechanism);
	if (s->sasl == NULL)
		return false;
	take(s, sasl_start(s->sasl, initial));
	return true;
}

enum session_next
login_when_input(struct session *s)
{
	struct slice line;

	switch (stream_line(s->stream, LIMIT_RESPONSE, &line)) {
	case STREAM_OK:
		take(s, sasl_feed(s->sasl, line));
		stream_wipe(s->stream);
		return SESSION_GO_ON;
	case STREAM_AGAIN:
		return SESSION_WAIT;
	case STREAM_BARE:
		refuse(s, REFUSED_LINE);
		return SESSION_GO_ON;
	case STREAM_TOO_LONG:
		refuse(s, REFUSED_TOO_LONG);
		return SESSION_GO_ON;
	case STREAM_FLOOD:
	case STREAM_CLOSED:
		break;
	}
	session_move(s, s->kind->closing);
	return SESSION_GO_ON;
}
