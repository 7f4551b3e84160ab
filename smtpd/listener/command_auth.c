/*
 * AUTH (RFC 4954): when it may be said, and the codes of its replies.
 */
#include "smtpd/listener/command.h"

#include "common/net/sasl.h"
#include "common/session/login.h"
#include "smtpd/listener/extension.h"

/* However it went, the client has its time for the next command. */
static void
auth_over(struct smtp_session *s)
{
	if (s->base.state != SMTP_COMMAND)
		smtp_move(s, SMTP_COMMAND);
	session_heard(&s->base);
}

static void
granted(struct session *base, const struct al_login_is *is)
{
	struct smtp_session *s = (struct smtp_session *)base;

	s->user = slice_text(is->account);
	smtp_reply(s, 235, "2.7.0", "welcome");
	auth_over(s);
}

static void
refused(struct session *base, enum login_refusal why, const char *form)
{
	struct smtp_session *s = (struct smtp_session *)base;

	switch (why) {
	case REFUSED_WRONG:
		smtp_refuse(s, 535, "5.7.8", "user or password is wrong");
		break;
	case REFUSED_NOT_NOW:
		smtp_refuse(s, 454, "4.7.0", "cannot check the password now, try again later");
		break;
	case REFUSED_MALFORMED:
		smtp_refuse(s, 501, "5.5.2", "%s", form);
		break;
	case REFUSED_LINE:
		smtp_refuse(s, 500, "5.5.2", "a line ends in CR LF");
		break;
	case REFUSED_TOO_LONG:
		smtp_refuse(s, 500, "5.5.6", "the response is too long");
		break;
	case REFUSED_GIVEN_UP:
		smtp_refuse(s, 501, "5.7.0", "authentication given up");
		break;
	}
	auth_over(s);
}

static void
too_often(struct session *base)
{
	smtp_session_shut((struct smtp_session *)base, "4.7.0", "too many wrong passwords");
}

const struct login_kind smtp_login = {
    .lookup = &smtp_server.lookup,
    .input = SMTP_AUTH_INPUT,
    .asking = SMTP_AUTH_ASK,
    .challenge = "334 ",
    .granted = granted,
    .refused = refused,
    .too_often = too_often,
};

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
void
smtp_command_auth(struct smtp_session *s, const struct smtp_command *c)
{
	if (may_auth(s) &&
	    !login_begin(&s->base, c->mechanism, c->has_initial ? &c->initial : NULL))
		smtp_refuse(s, 504, "5.5.4", "the mechanisms of AUTH are " SASL_MECHANISMS);
	/* Refused or not, there may be a password in the line. */
	stream_wipe(s->base.stream);
}
