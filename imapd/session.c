/*
 * Invariant: a command is in hand from its first line to its tagged reply, and there is one at
 * most.
 */
#include "imapd/session.h"

#include "common/base/assert.h"
#include "common/base/mem.h"
#include "common/session/login.h"
#include "imapd/command.h"
#include "imapd/sync.h"

#include <stdio.h>

enum { ASKING = TO(LOGIN_ASK) | TO(OPEN_ASK) | TO(ASK) | TO(SPOOL_ASK) | TO(SYNC_ASK) };

_Static_assert(sizeof(struct imap_session) <= 768, "a session at rest is small");

void
imap_move(struct imap_session *s, enum imap_state next)
{
	session_move(&s->base, next);
}

void
imap_heard(struct imap_session *s)
{
	if (s->level != IMAP_NOT_AUTHENTICATED)
		session_heard(&s->base);
}

void
imap_write(struct imap_session *s, struct slice text)
{
	if (text.len > 0)
		imap_output_text(&s->output, s->base.stream, text);
}

void
imap_printf(struct imap_session *s, const char *fmt, ...)
{
	struct buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	imap_write(s, buf_slice(&text));
	buf_fini(&text);
}

/* The command in hand is over. */
static void
end_command(struct imap_session *s)
{
	if (s->drop_work != NULL)
		s->drop_work(s->work);
	s->work = NULL;
	s->drop_work = NULL;
	imap_input_reset(&s->input);
	free(s->tag);
	free(s->ending);
	s->tag = s->ending = NULL;
	s->command = NULL;
	s->is_uid = false;
}

void
imap_synced(struct imap_session *s)
{
	if (s->is_idle) {
		imap_move(s, IMAP_IDLE);
		return;
	}
	imap_printf(s, "%s\r\n", s->ending);
	end_command(s);
	/* State stays COMMAND where nothing had to be asked. */
	if (s->base.state != IMAP_COMMAND && s->base.state != IMAP_CLOSING)
		imap_move(s, IMAP_COMMAND);
}

void
imap_done(struct imap_session *s, const char *fmt, ...)
{
	struct buf line = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_printf(&line, "%s ", s->tag == NULL ? "*" : s->tag);
	buf_vprintf(&line, fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < line.len; i++) {
		if ((unsigned char)line.data[i] < ' ' || (unsigned char)line.data[i] >= 0x7f)
			line.data[i] = '?';
	}
	free(s->ending);
	s->ending = buf_take(&line, NULL);
	s->is_idle = false;
	if (imap_sync_is_due(s))
		imap_sync_start(s);
	else
		imap_synced(s);
}

void
imap_bad(struct imap_session *s, const char *why)
{
	s->errors++;
	imap_done(s, "BAD %s", why);
}

void
imap_no(struct imap_session *s, const struct am_no *no)
{
	/* clang-format off */
	static const char *const codes[] = {
	    [AM_TEMPORARY] = "UNAVAILABLE", [AM_NONEXISTENT] = "NONEXISTENT",
	    [AM_ALREADYEXISTS] = "ALREADYEXISTS", [AM_CANNOT] = "CANNOT", [AM_LIMIT] = "LIMIT",
	    [AM_OVERQUOTA] = "OVERQUOTA", [AM_INUSE] = "INUSE", [AM_TRYCREATE] = "TRYCREATE",
	    [AM_AUTHENTICATIONFAILED] = "AUTHENTICATIONFAILED",
	    [AM_CORRUPTION] = "CORRUPTION",
	};
	/* clang-format on */
	struct slice text = no->text.len > 0 ? no->text : SLICE("that cannot be done");

	imap_done(s, "NO [%s] %.*s", codes[no->code], SLICE_FMT(text));
}

void
imap_unavailable(struct imap_session *s)
{
	imap_done(s, "NO [UNAVAILABLE] the mail store does not answer now, try again later");
}

void
imap_keep_work(struct imap_session *s, void *work, void (*drop)(void *work))
{
	ASSERT(s->work == NULL);
	s->work = work;
	s->drop_work = drop;
}

static void
on_ask_ended(void *owner, enum channel_end why)
{
	struct imap_session *s = owner;

	s->base.request = 0;
	imap_unavailable(s);
	session_again(&s->base);
}

void
imap_ask_mailbox(struct imap_session *s, const struct ipc_schema *schema, const void *message,
    void (*answer)(void *owner, struct ipc_message *m))
{
	struct span deadline =
	    schema == &am_fetch_schema ? SPAN_MS(0) : SPAN_SECONDS(IMAP_ASK_SECONDS);

	if (s->base.state != IMAP_ASK)
		imap_move(s, IMAP_ASK);
	if (!session_ask(&s->base, s->mailbox, schema, message, answer, on_ask_ended, deadline))
		imap_unavailable(s);
}

bool
imap_is_answer(struct imap_session *s, struct ipc_message *m, const struct ipc_schema *wanted)
{
	if (m->schema == wanted)
		return true;
	if (m->schema == &am_no_schema) {
		session_asked(&s->base);
		imap_no(s, m->body);
		session_again(&s->base);
	} else {
		channel_violation(m->channel, m->schema->name);
	}
	return false;
}

void
imap_unselect(struct imap_session *s)
{
	struct am_unview m = {.handle = s->handle};

	if (s->view == NULL)
		return;
	imap_view_fini(s->view);
	free(s->view);
	s->view = NULL;
	s->level = IMAP_AUTHENTICATED;
	if (s->mailbox != NULL)
		am_unview_send(s->mailbox, 0, &m, -1);
}

static void
free_session(struct session *base)
{
	struct imap_session *s = (struct imap_session *)base;

	log_event(&s->base.log, EV_disconnect, NUM("errors", s->errors));
	if (s->handle != 0)
		imap_server_leave(s->instance, s->handle);
	imap_unselect(s);
	if (s->mailbox != NULL && s->handle != 0) {
		struct am_close m = {.handle = s->handle};

		am_close_send(s->mailbox, 0, &m, -1);
	}
	timer_stop(&s->retry);
	end_command(s);
	imap_append_free(s->append);
	imap_output_fini(&s->output);
	LIST_REMOVE(s, link);
	session_fini(&s->base);
	free(s);
}

void
imap_session_shut(struct imap_session *s, const char *why)
{
	/* An answer that is still to come has nobody left to read it. */
	session_asked(&s->base);
	if (s->base.state != IMAP_CLOSING) {
		if (s->base.state != IMAP_TLS)
			imap_printf(s, "* BYE %s\r\n", why);
		imap_move(s, IMAP_CLOSING);
	}
	session_again(&s->base);
}

void
imap_session_lost(struct imap_session *s)
{
	bool was_asked = s->base.request != 0 && s->base.asked == s->mailbox;

	if (was_asked)
		session_asked(&s->base);
	if (s->handle != 0)
		imap_server_leave(s->instance, s->handle);
	s->mailbox = NULL;
	s->handle = 0;
	if (s->base.state == IMAP_CLOSING)
		return;
	if (was_asked && s->tag != NULL)
		imap_printf(s, "%s NO [UNAVAILABLE] the mail store was restarted\r\n", s->tag);
	imap_session_shut(s, "[UNAVAILABLE] the mail store was restarted, please connect again");
}

void
imap_session_changed(struct imap_session *s, uint64_t modseq, bool removed)
{
	if (s->view == NULL || s->base.state == IMAP_CLOSING)
		return;
	if (modseq > s->view->modseq)
		s->view->is_stale = true;
	if (removed)
		s->view->is_removed = true;
	if (s->base.state == IMAP_IDLE || (removed && s->base.state == IMAP_COMMAND))
		session_again(&s->base);
}

static void
greet(struct imap_session *s)
{
	struct buf capabilities = {0};

	imap_capabilities(s, &capabilities);
	imap_printf(s, "* OK [CAPABILITY %s] %s IMAP Kurir\r\n", buf_text(&capabilities),
	    service_hostname(s->base.service));
	buf_fini(&capabilities);
}

static void
secured(struct session *base)
{
	struct imap_session *s = (struct imap_session *)base;

	imap_move(s, IMAP_COMMAND);
	if (s->base.service->listen->tls == TLS_IMPLICIT)
		greet(s);
}

static enum session_next
when_closing(struct imap_session *s)
{
	if (imap_output_is_empty(&s->output) || stream_failure(s->base.stream)[0] != '\0')
		return SESSION_END;
	return SESSION_WAIT;
}

/* Between commands, and in IDLE: a mailbox that is gone cannot stay selected. */
static bool
must_leave(const struct imap_session *s)
{
	return s->view != NULL && s->view->is_removed &&
	       (s->base.state == IMAP_COMMAND || s->base.state == IMAP_IDLE) && s->input.lines == 0;
}

static enum session_next
step(struct session *base)
{
	struct imap_session *s = (struct imap_session *)base;

	if (!imap_output_pump(&s->output, s->base.stream)) {
		/* A literal cannot be taken back: all that is left is to break off. */
		imap_output_fini(&s->output);
		return SESSION_END;
	}
	if (must_leave(s)) {
		imap_session_shut(s, "the selected mailbox was deleted");
		return SESSION_GO_ON;
	}
	switch ((enum imap_state)base->state) {
	case IMAP_COMMAND:
		return imap_when_command(s);
	case IMAP_LITERAL:
		return imap_when_literal(s);
	case IMAP_TLS:
		return session_when_tls(base);
	case IMAP_AUTH_INPUT:
		return login_when_input(base);
	case IMAP_SENDING:
		return imap_when_sending(s);
	case IMAP_MESSAGE:
		return imap_when_message(s);
	case IMAP_MESSAGE_END:
		return imap_when_message_end(s);
	case IMAP_IDLE:
		return imap_when_idle(s);
	case IMAP_LOGIN_ASK:
	case IMAP_OPEN_ASK:
	case IMAP_ASK:
	case IMAP_SPOOL_ASK:
	case IMAP_SYNC_ASK:
		return SESSION_WAIT;
	case IMAP_CLOSING:
		return when_closing(s);
	case IMAP_STATE_COUNT:
		break;
	}
	PANIC("a session without a state");
}

static void
on_retry(void *owner)
{
	session_again(owner);
}

/* Before login a client has little time, whatever it says. */
static struct span
patience(const struct session *base)
{
	const struct imap_session *s = (const struct imap_session *)base;

	return SPAN_SECONDS(
	    s->level == IMAP_NOT_AUTHENTICATED ? LIMIT_LOGIN_SECONDS : LIMIT_IMAP_SECONDS);
}

static void
silent(struct session *base)
{
	struct imap_session *s = (struct imap_session *)base;

	/* The client does not even take what it asked for: BYE would stand inside a literal. */
	if (!imap_output_is_empty(&s->output)) {
		imap_output_fini(&s->output);
		if (s->base.state != IMAP_CLOSING)
			imap_move(s, IMAP_CLOSING);
	}
	imap_session_shut(s, "nothing came for too long");
}

static const unsigned moves[] = {
#define S(name, waits, next) next,
    IMAP_STATES(S)
#undef S
};

/* FETCH's request stays open while the client takes what has come. */
static const struct session_kind kind = {
    .moves = moves,
    .login = &imap_login,
    .asking = ASKING,
    .open = ASKING | TO(SENDING),
    .closing = IMAP_CLOSING,
    .step = step,
    .patience = patience,
    .secured = secured,
    .silent = silent,
    .free = free_session,
};

void
imap_session_start(struct service *service, int fd, const struct netaddr *peer)
{
	struct imap_session *s = mem_zero(sizeof(*s));
	char text[NETADDR_TEXT];

	s->level = IMAP_NOT_AUTHENTICATED;
	session_init(&s->base, &kind, service, fd, peer);
	imap_output_init(&s->output);
	timer_init(&s->retry, on_retry, s);
	LIST_INSERT_HEAD(&imap_server.sessions, s, link);
	log_event(&s->base.log, EV_connect, WORD("from", netaddr_format(peer, text)),
	    NUM("port", service->listen->port));
	if (service->listen->tls == TLS_IMPLICIT) {
		imap_move(s, IMAP_TLS);
		session_start_tls(&s->base);
	} else {
		greet(s);
	}
	session_step(&s->base);
}
