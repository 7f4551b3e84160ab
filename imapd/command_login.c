/*
 * CAPABILITY, STARTTLS, LOGIN and AUTHENTICATE, and the way from a good password to an open
 * account. Secrets are wiped and never logged.
 */
#include "common/base/encode.h"
#include "common/base/mem.h"
#include "common/ipc/any_lookup.h"
#include "imapd/command.h"

#include <string.h>

enum { LOGIN_SECONDS = 40, RESPONSE = 2 * LIMIT_SECRET };

bool
imap_may_login(const struct imap_session *s)
{
	return s->is_tls || netaddr_is_loopback(&s->peer);
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
	if (!s->is_tls && s->service->tls != NULL)
		buf_add_text(out, " STARTTLS");
	buf_add_text(out, imap_may_login(s) ? " AUTH=PLAIN" : " LOGINDISABLED");
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
	if (s->is_tls) {
		imap_bad(s, "TLS is already on");
		return;
	}
	if (s->service->tls == NULL) {
		imap_bad(s, "TLS is not offered here");
		return;
	}
	imap_done(s, "OK go ahead");
	imap_move(s, IMAP_TLS);
	stream_start_tls_server(s->stream, s->service->tls);
}

static void
wrong(struct imap_session *s, struct slice user)
{
	char from[NETADDR_TEXT];

	log_event(&s->log, EV_auth_failed, WORD("from", netaddr_format(&s->peer, from)),
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

	s->request = 0;
	temporary(s);
	imap_session_again(s);
}

static void
on_opened(void *owner, struct ipc_message *m)
{
	struct imap_session *s = owner;
	struct buf text = {0};

	if (!imap_is_answer(s, m, &am_opened_schema))
		return;
	s->handle = ((const struct am_opened *)m->body)->handle;
	imap_asked(s);
	imap_server_enter(s->instance, s->handle, s);
	s->level = IMAP_AUTHENTICATED;
	s->errors = 0;
	imap_heard(s);
	imap_capabilities(s, &text);
	imap_done(s, "OK [CAPABILITY %s] welcome", buf_text(&text));
	buf_fini(&text);
	imap_session_again(s);
}

void
imap_open(struct imap_session *s, struct slice token, unsigned mailbox)
{
	struct am_open open = {.token = token};

	imap_move(s, IMAP_OPEN_ASK);
	s->instance = (int)mailbox;
	s->mailbox = mailbox < IMAP_MAILBOXES ? imap_server.mailboxes[mailbox] : NULL;
	if (!imap_ask(s, s->mailbox, on_opened, on_ended, SPAN_SECONDS(IMAP_ASK_SECONDS))) {
		temporary(s);
	} else if (!am_open_send(s->mailbox, s->request, &open, -1)) {
		imap_asked(s);
		temporary(s);
	}
}

static void
on_login(void *owner, struct ipc_message *m)
{
	struct imap_session *s = owner;
	const struct al_login_is *is = m->body;

	imap_asked(s);
	switch ((enum al_login_result)is->result) {
	case LOGIN_OK:
		log_event(&s->log, EV_auth_ok, TEXT("user", is->account));
		imap_open(s, is->token, is->mailbox);
		break;
	case LOGIN_WRONG:
		wrong(s, is->account);
		break;
	case LOGIN_TEMPORARY:
		temporary(s);
		break;
	}
	imap_session_again(s);
}

static void
check(struct imap_session *s, struct slice user, struct slice secret)
{
	char client[NETADDR_TEXT];
	struct al_login login = {.service = SERVICE_IMAP,
	    .table = s->service->listen->auth_table,
	    .user = user,
	    .secret = secret,
	    .client = slice_of(netaddr_format(&s->peer, client))};

	if (user.len == 0 || user.len > LIMIT_USER || secret.len > LIMIT_SECRET) {
		wrong(s, SLICE(""));
		return;
	}
	if (!imap_ask(s, imap_server.lookup, on_login, on_ended, SPAN_SECONDS(LOGIN_SECONDS))) {
		temporary(s);
		return;
	}
	imap_move(s, IMAP_LOGIN_ASK);
	al_login_send(imap_server.lookup, s->request, &login, -1);
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

/* authzid NUL authcid NUL password (RFC 4616); acting for somebody else is not offered. */
static void
take_plain(struct imap_session *s, struct slice message)
{
	ptrdiff_t first = slice_find(message, '\0'), second;
	struct slice authzid = slice_sub(message, 0, first < 0 ? 0 : (size_t)first), user, secret;

	message = slice_from(message, (size_t)(first + 1));
	second = slice_find(message, '\0');
	if (first < 0 || second < 0) {
		imap_bad(s, "a PLAIN response is: NUL user NUL password, in base64");
		return;
	}
	user = slice_sub(message, 0, (size_t)second);
	secret = slice_from(message, (size_t)second + 1);
	if ((authzid.len > 0 && !slice_equal(authzid, user)) || slice_find(secret, '\0') >= 0)
		wrong(s, SLICE(""));
	else
		check(s, user, secret);
}

static void
take_response(struct imap_session *s, struct slice text)
{
	struct buf octets;

	buf_init(&octets, RESPONSE);
	if (!base64_decode(&octets, text))
		imap_bad(s, "that is not base64");
	else
		take_plain(s, buf_slice(&octets));
	if (octets.data != NULL)
		explicit_bzero(octets.data, octets.capacity);
	buf_fini(&octets);
}

IMAP_COMMAND(authenticate)
{
	struct slice mechanism, response;

	if (!imap_parse_char(p, ' ') || !imap_parse_word(p, IMAP_ATOM, &mechanism)) {
		imap_bad(s, "AUTHENTICATE takes the name of a mechanism");
		return;
	}
	if (!slice_equal_text_nocase(mechanism, "PLAIN")) {
		imap_done(s, "NO [CANNOT] the mechanism is PLAIN");
		return;
	}
	if (!may_login(s))
		return;
	if (imap_parse_char(p, ' ')) {
		response = slice_make(p->at, (size_t)(p->end - p->at));
		take_response(s, slice_equal_text(response, "=") ? SLICE("") : response);
	} else if (!imap_parse_is_end(p)) {
		imap_bad(s, "AUTHENTICATE PLAIN takes one response");
	} else {
		imap_write(s, SLICE("+ \r\n"));
		imap_move(s, IMAP_AUTH_INPUT);
	}
}

enum imap_next
imap_when_auth_input(struct imap_session *s)
{
	struct slice line;

	switch (stream_line(s->stream, RESPONSE, &line)) {
	case STREAM_OK:
		if (slice_equal_text(line, "*"))
			imap_bad(s, "authentication given up");
		else
			take_response(s, line);
		return IMAP_GO_ON;
	case STREAM_AGAIN:
		return IMAP_WAIT;
	case STREAM_BARE:
	case STREAM_TOO_LONG:
		imap_bad(s, "that is no response to AUTHENTICATE PLAIN");
		return IMAP_GO_ON;
	case STREAM_FLOOD:
	case STREAM_CLOSED:
		break;
	}
	imap_move(s, IMAP_CLOSING);
	return IMAP_GO_ON;
}
