/*
 * CAPABILITY, STARTTLS, LOGIN and AUTHENTICATE, and the way from a good password to an open
 * account. Secrets are wiped and never logged.
 */
#include "common/base/mem.h"
#include "common/net/sasl.h"
#include "common/session/login.h"
#include "imapd/command.h"

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
	buf_add_text(
	    out, session_is_private(&s->base) ? " AUTH=PLAIN AUTH=LOGIN" : " LOGINDISABLED");
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
cannot_check(struct imap_session *s)
{
	imap_done(s, "NO [UNAVAILABLE] cannot check the password now, try again later");
}

static void
on_opened(struct imap_session *s, const struct ipc_message *m)
{
	struct buf text = {0};

	s->handle = ((const struct am_opened *)m->body)->handle;
	imap_server_enter(s->instance, s->handle, s);
	s->level = IMAP_AUTHENTICATED;
	s->errors = 0;
	imap_heard(s);
	imap_capabilities(s, &text);
	imap_done(s, "OK [CAPABILITY %s] welcome", buf_text(&text));
	buf_fini(&text);
}

/* Opens the account that lookup granted. */
static void
open_account(struct imap_session *s, struct slice token, unsigned mailbox)
{
	static const struct imap_answers opened = {
	    .last = {&am_opened_schema, on_opened}, .missing = cannot_check};
	struct am_open open = {.token = token};

	imap_move(s, IMAP_OPEN_ASK);
	s->instance = (int)mailbox;
	s->mailbox = mailbox < LIMIT_INSTANCES ? imap_server.mailboxes[mailbox] : NULL;
	imap_ask_mailbox(s, &am_open_schema, &open, &opened);
}

static void
on_granted(struct session *base, const struct al_login_is *is)
{
	open_account((struct imap_session *)base, is->token, is->mailbox);
}

static void
on_refused(struct session *base, enum login_refusal why, const char *form)
{
	struct imap_session *s = (struct imap_session *)base;

	switch (why) {
	case REFUSED_WRONG:
		imap_done(s, "NO [AUTHENTICATIONFAILED] user or password is wrong");
		break;
	case REFUSED_NOT_NOW:
		cannot_check(s);
		break;
	case REFUSED_MALFORMED:
	case REFUSED_LINE:
	case REFUSED_TOO_LONG:
		imap_bad(s, form);
		break;
	case REFUSED_GIVEN_UP:
		imap_bad(s, "authentication given up");
		break;
	}
}

static void
on_too_often(struct session *base)
{
	imap_session_shut((struct imap_session *)base, "too many wrong passwords");
}

const struct login_kind imap_login = {
    .lookup = &imap_server.lookup,
    .input = IMAP_AUTH_INPUT,
    .asking = IMAP_LOGIN_ASK,
    .challenge = "+ ",
    .granted = on_granted,
    .refused = on_refused,
    .too_often = on_too_often,
};

static bool
may_login(struct imap_session *s)
{
	if (session_is_private(&s->base))
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
		login_check(&s->base, user, secret);
}

IMAP_COMMAND(authenticate)
{
	struct slice mechanism, response, *initial = NULL;

	if (!imap_parse_char(p, ' ') || !imap_parse_word(p, IMAP_ATOM, &mechanism)) {
		imap_bad(s, "AUTHENTICATE takes the name of a mechanism");
		return;
	}
	if (imap_parse_char(p, ' ')) {
		response = slice_make(p->at, (size_t)(p->end - p->at));
		initial = &response;
	} else if (!imap_parse_is_end(p)) {
		imap_bad(s, "AUTHENTICATE takes a mechanism and one response");
		return;
	}
	if (may_login(s) && !login_begin(&s->base, mechanism, initial))
		imap_done(s, "NO [CANNOT] the mechanisms are " SASL_MECHANISMS);
}
