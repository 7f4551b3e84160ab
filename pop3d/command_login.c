/* CAPA, STLS, USER, PASS, AUTH: before the maildrop is open. Secrets are wiped and never logged. */
#include "pop3d/command.h"

#include "common/base/mem.h"
#include "common/net/sasl.h"
#include "common/session/login.h"

void
pop3_command_capa(struct pop3_session *s, struct slice argument)
{
	pop3_ok(s, "this is what works here");
	stream_write(s->base.stream,
	    SLICE("TOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nEXPIRE NEVER\r\n"));
	if (session_is_private(&s->base))
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
granted(struct session *base, const struct al_login_is *is)
{
	struct pop3_session *s = (struct pop3_session *)base;

	pop3_move(s, POP3_OPEN_ASK);
	pop3_open(s, is->token, is->mailbox);
}

static void
refused(struct session *base, enum login_refusal why, const char *form)
{
	struct pop3_session *s = (struct pop3_session *)base;

	switch (why) {
	case REFUSED_WRONG:
		pop3_err(s, "[AUTH] user or password is wrong");
		break;
	case REFUSED_NOT_NOW:
		pop3_err(s, "[SYS/TEMP] cannot check the password now, try again later");
		break;
	case REFUSED_MALFORMED:
	case REFUSED_LINE:
	case REFUSED_TOO_LONG:
		pop3_err(s, "%s", form);
		break;
	case REFUSED_GIVEN_UP:
		pop3_err(s, "authentication given up");
		break;
	}
	if (base->state != POP3_AUTHORIZATION)
		pop3_move(s, POP3_AUTHORIZATION);
}

static void
too_often(struct session *base)
{
	pop3_session_shut((struct pop3_session *)base, "too many wrong passwords");
}

const struct login_kind pop3_login = {
    .lookup = &pop3_server.lookup,
    .input = POP3_AUTH_INPUT,
    .asking = POP3_LOGIN_ASK,
    .challenge = "+ ",
    .granted = granted,
    .refused = refused,
    .too_often = too_often,
};

static bool
may_login(struct pop3_session *s)
{
	if (session_is_private(&s->base))
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
	login_check(&s->base, slice_of(user), argument);
	free(user);
}

void
pop3_command_auth(struct pop3_session *s, struct slice argument)
{
	struct slice mechanism = SLICE("");

	if (!may_login(s))
		return;
	slice_word(&argument, &mechanism);
	if (!login_begin(&s->base, mechanism, argument.len > 0 ? &argument : NULL))
		pop3_err(s, "the mechanisms of AUTH are " SASL_MECHANISMS);
}
