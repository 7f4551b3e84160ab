/* CAPA, STLS, USER, PASS, AUTH: before the maildrop is open. Secrets are wiped and never logged. */
#include "pop3d/command.h"

#include "common/base/encode.h"
#include "common/base/mem.h"
#include "common/ipc/any_lookup.h"

#include <string.h>

enum { LOGIN_SECONDS = 40 };

bool
pop3_may_login(const struct pop3_session *s)
{
	return s->is_tls || netaddr_is_loopback(&s->peer);
}

void
pop3_command_capa(struct pop3_session *s, struct slice argument)
{
	pop3_ok(s, "this is what works here");
	stream_write(s->stream, SLICE("TOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nEXPIRE NEVER\r\n"));
	if (pop3_may_login(s))
		stream_write(s->stream, SLICE("USER\r\nSASL PLAIN\r\n"));
	if (!s->is_tls && s->service->tls != NULL && s->state == POP3_AUTHORIZATION)
		stream_write(s->stream, SLICE("STLS\r\n"));
	stream_write(s->stream, SLICE("IMPLEMENTATION Kurir\r\n.\r\n"));
}

void
pop3_command_stls(struct pop3_session *s, struct slice argument)
{
	if (s->is_tls) {
		pop3_err(s, "TLS is already on");
		return;
	}
	if (s->service->tls == NULL || argument.len > 0) {
		pop3_err(s, "TLS is not offered here");
		return;
	}
	pop3_ok(s, "go ahead");
	free(s->user);
	s->user = NULL;
	pop3_move(s, POP3_TLS);
	stream_start_tls_server(s->stream, s->service->tls);
}

static void
back_to_start(struct pop3_session *s)
{
	if (s->state != POP3_AUTHORIZATION)
		pop3_move(s, POP3_AUTHORIZATION);
}

static void
wrong(struct pop3_session *s, struct slice user)
{
	char from[NETADDR_TEXT];

	log_event(&s->log, EV_auth_failed, WORD("from", netaddr_format(&s->peer, from)),
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

	s->request = 0;
	temporary(s);
	pop3_session_step(s);
}

static void
on_login(void *owner, struct ipc_message *m)
{
	struct pop3_session *s = owner;
	const struct al_login_is *is = m->body;

	pop3_asked(s);
	switch ((enum al_login_result)is->result) {
	case LOGIN_OK:
		log_event(&s->log, EV_auth_ok, TEXT("user", is->account));
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
	pop3_session_step(s);
}

static void
check(struct pop3_session *s, struct slice user, struct slice secret)
{
	char client[NETADDR_TEXT];
	struct al_login login = {.service = SERVICE_POP3, .table = s->service->listen->auth_table,
	    .user = user, .secret = secret, .client = slice_of(netaddr_format(&s->peer, client))};

	if (user.len == 0 || user.len > LIMIT_USER || secret.len > LIMIT_SECRET) {
		wrong(s, SLICE(""));
		return;
	}
	if (!pop3_ask(s, pop3_server.lookup, on_login, on_login_ended, SPAN_SECONDS(LOGIN_SECONDS))) {
		temporary(s);
		return;
	}
	pop3_move(s, POP3_LOGIN_ASK);
	al_login_send(pop3_server.lookup, s->request, &login, -1);
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

/* authzid NUL authcid NUL password (RFC 4616); acting for somebody else is not offered. */
static void
take_plain(struct pop3_session *s, struct slice message)
{
	ptrdiff_t first = slice_find(message, '\0'), second;
	struct slice authzid = slice_sub(message, 0, first < 0 ? 0 : (size_t)first), user, secret;

	message = slice_from(message, (size_t)(first + 1));
	second = slice_find(message, '\0');
	if (first < 0 || second < 0) {
		pop3_err(s, "a PLAIN response is: NUL user NUL password, in base64");
		back_to_start(s);
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
take_response(struct pop3_session *s, struct slice line)
{
	struct buf octets;

	buf_init(&octets, 2048);
	if (!base64_decode(&octets, line)) {
		pop3_err(s, "that is not base64");
		back_to_start(s);
	} else {
		take_plain(s, buf_slice(&octets));
	}
	if (octets.data != NULL)
		explicit_bzero(octets.data, octets.capacity);
	buf_fini(&octets);
}

void
pop3_command_auth(struct pop3_session *s, struct slice argument)
{
	struct slice mechanism;

	if (!may_login(s))
		return;
	if (!slice_word(&argument, &mechanism) || !slice_equal_text_nocase(mechanism, "PLAIN")) {
		pop3_err(s, "use AUTH PLAIN");
		return;
	}
	if (argument.len > 0) {
		take_response(s, slice_equal_text(argument, "=") ? SLICE("") : argument);
		return;
	}
	stream_write(s->stream, SLICE("+ \r\n"));
	pop3_move(s, POP3_AUTH_INPUT);
}

enum pop3_next
pop3_when_auth_input(struct pop3_session *s)
{
	struct slice line;

	switch (stream_line(s->stream, LIMIT_SECRET * 2, &line)) {
	case STREAM_OK:
		if (slice_equal_text(line, "*")) {
			pop3_err(s, "authentication given up");
			back_to_start(s);
		} else {
			take_response(s, line);
		}
		return POP3_GO_ON;
	case STREAM_AGAIN:
		return POP3_WAIT;
	case STREAM_BARE:
	case STREAM_TOO_LONG:
		pop3_err(s, "that is no response to AUTH PLAIN");
		back_to_start(s);
		return POP3_GO_ON;
	case STREAM_FLOOD:
	case STREAM_CLOSED:
		break;
	}
	pop3_move(s, POP3_CLOSING);
	return POP3_GO_ON;
}
