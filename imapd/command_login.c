/*
 * CAPABILITY, STARTTLS, LOGIN and AUTHENTICATE, and the way from a good password to an open
 * account. Secrets are wiped and never logged.
 */
#include "common/base/mem.h"
#include "common/ipc/any_lookup.h"
#include "common/net/sasl.h"
#include "imapd/command.h"

enum { LOGIN_SECONDS = 40 };

bool
imap_may_login(const struct imap_session *s)
{
	return session_is_private(&s->base);
}

void
imap_capabilities(const struct imap_session *s, struct buf *out)
{
	buf_add_text(out, "IMAP4rev1 LITERAL+ SASL-IR ID ENABLE");
	if (s->level != IMAP_NOT_AUTHENTICATED) {
		buf_add_text(out, " IDLE UIDPLUS MOVE UNSELECT NAMESPACE CHILDREN SPECIAL-USE"
				  " CREATE-SPECIAL-USE STATUS=SIZE");
		return;
	}
	if (!s->base.is_tls && s->base.service->tls != NULL)
		buf_add_text(out, " STARTTLS");
	buf_add_text(out, imap_may_login(s) ? " AUTH=PLAIN AUTH=LOGIN" : " LOGINDISABLED");
}

IMAP_COMMAND(capability)
{
	struct buf text = {0};

	imap_capabilities(s, &text);
	imap_printf(s, "* CAPABILITY %s\r\n", buf_text(&text));
	buf_fini(&text);
	imap_done(s, "OK that is what works");
}

IMAP_COMMAND(starttls)
{
	if (s->base.is_tls) {
		imap_bad(s, "TLS is already on");
		return;
	}
	if (s->base.service->tls == NULL) {
		imap_bad(s, "TLS is not offered here");
		return;
	}
	imap_done(s, "OK go ahead");
	imap_move(s, IMAP_TLS);
	session_start_tls(&s->base);
}

static void
wrong(struct imap_session *s, struct slice user)
{
	char from[NETADDR_TEXT];

	log_event(&s->base.log, EV_auth_failed, WORD("from", netaddr_format(&s->base.peer, from)),
	    TEXT("user", user));
	imap_done(s, "NO [AUTHENTICATIONFAILED] user or password is wrong");
	if (++s->auth_failures >= LIMIT_AUTH_FAILURES)
		imap_session_shut(s, "too many wrong passwords");
}

static void
temporary(struct imap_session *s)
{
	imap_done(s, "NO [UNAVAILABLE] cannot check the password now, try again later");
}

static void
on_ended(void *owner, enum channel_end why)
{
	struct imap_session *s = owner;

	s->base.request = 0;
	temporary(s);
	session_again(&s->base);
}

static void
on_opened(void *owner, struct ipc_message *m)
{
	struct imap_session *s = owner;
	struct buf text = {0};

	if (!imap_is_answer(s, m, &am_opened_schema))
		return;
	s->handle = ((const struct am_opened *)m->body)->handle;
	session_asked(&s->base);
	imap_server_enter(s->instance, s->handle, s);
	s->level = IMAP_AUTHENTICATED;
	s->errors = 0;
	imap_heard(s);
	imap_capabilities(s, &text);
	imap_done(s, "OK [CAPABILITY %s] welcome", buf_text(&text));
	buf_fini(&text);
	session_again(&s->base);
}

void
imap_open(struct imap_session *s, struct slice token, unsigned mailbox)
{
	struct am_open open = {.token = token};

	imap_move(s, IMAP_OPEN_ASK);
	s->instance = (int)mailbox;
	s->mailbox = mailbox < IMAP_MAILBOXES ? imap_server.mailboxes[mailbox] : NULL;
	if (!session_ask(
		&s->base, s->mailbox, on_opened, on_ended, SPAN_SECONDS(IMAP_ASK_SECONDS))) {
		temporary(s);
	} else if (!am_open_send(s->mailbox, s->base.request, &open, -1)) {
		session_asked(&s->base);
		temporary(s);
	}
}

static void
on_login(void *owner, struct ipc_message *m)
{
	struct imap_session *s = owner;
	const struct al_login_is *is = m->body;

	session_asked(&s->base);
	switch ((enum al_login_result)is->result) {
	case LOGIN_OK:
		log_event(&s->base.log, EV_auth_ok, TEXT("user", is->account));
		imap_open(s, is->token, is->mailbox);
		break;
	case LOGIN_WRONG:
		wrong(s, is->account);
		break;
	case LOGIN_TEMPORARY:
		temporary(s);
		break;
	}
	session_again(&s->base);
}

static void
check(struct imap_session *s, struct slice user, struct slice secret)
{
	char client[NETADDR_TEXT];
	struct al_login login = {.service = SERVICE_IMAP,
	    .table = s->base.service->listen->auth_table,
	    .user = user,
	    .secret = secret,
	    .client = slice_of(netaddr_format(&s->base.peer, client))};

	if (!sasl_is_possible(user, secret)) {
		wrong(s, SLICE(""));
		return;
	}
	if (!session_ask(
		&s->base, imap_server.lookup, on_login, on_ended, SPAN_SECONDS(LOGIN_SECONDS))) {
		temporary(s);
		return;
	}
	imap_move(s, IMAP_LOGIN_ASK);
	al_login_send(imap_server.lookup, s->base.request, &login, -1);
}

static bool
may_login(struct imap_session *s)
{
	if (imap_may_login(s))
		return true;
	imap_done(s, "NO [PRIVACYREQUIRED] a password needs TLS: say STARTTLS first");
	return false;
}

IMAP_COMMAND(login)
{
	struct slice user, secret;

	if (!imap_parse_argument(p, &user) || !imap_parse_argument(p, &secret) ||
	    !imap_parse_is_end(p))
		imap_bad(s, "LOGIN takes a user and a password");
	else if (may_login(s))
		check(s, user, secret);
}

/* The exchange is over; what is left of its secrets is wiped. */
static void
end_auth(struct imap_session *s)
{
	sasl_free(s->sasl);
	s->sasl = NULL;
}

static void
take_response(struct imap_session *s, enum sasl_result result)
{
	switch (result) {
	case SASL_CHALLENGE:
		imap_printf(s, "+ %s\r\n", sasl_challenge(s->sasl));
		if (s->base.state != IMAP_AUTH_INPUT)
			imap_move(s, IMAP_AUTH_INPUT);
		return;
	case SASL_CREDENTIALS:
		check(s, sasl_user(s->sasl), sasl_secret(s->sasl));
		break;
	case SASL_WRONG:
		wrong(s, SLICE(""));
		break;
	case SASL_MALFORMED:
		imap_bad(s, sasl_form(s->sasl));
		break;
	case SASL_CANCELLED:
		imap_bad(s, "authentication given up");
		break;
	}
	end_auth(s);
}

IMAP_COMMAND(authenticate)
{
	struct slice mechanism, response;

	if (!imap_parse_char(p, ' ') || !imap_parse_word(p, IMAP_ATOM, &mechanism)) {
		imap_bad(s, "AUTHENTICATE takes the name of a mechanism");
		return;
	}
	if (!may_login(s))
		return;
	s->sasl = sasl_new(mechanism);
	if (s->sasl == NULL) {
		imap_done(s, "NO [CANNOT] the mechanisms are " SASL_MECHANISMS);
	} else if (imap_parse_char(p, ' ')) {
		response = slice_make(p->at, (size_t)(p->end - p->at));
		take_response(s, sasl_start(s->sasl, &response));
	} else if (!imap_parse_is_end(p)) {
		imap_bad(s, "AUTHENTICATE takes a mechanism and one response");
		end_auth(s);
	} else {
		take_response(s, sasl_start(s->sasl, NULL));
	}
}

enum session_next
imap_when_auth_input(struct imap_session *s)
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
	imap_move(s, IMAP_CLOSING);
	return SESSION_GO_ON;
}
