#include "imapd/session.h"

#include "common/base/assert.h"
#include "common/base/mem.h"
#include "common/session/login.h"
#include "imapd/command.h"
#include "imapd/flight.h"
#include "imapd/response.h"

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
	imap_flight_drop(s);
	imap_command_end(s);
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
	session_request_done(&s->base);
	if (s->base.state != IMAP_CLOSING) {
		imap_fetch_cut(s);
		imap_flight_end(s, NULL);
		if (s->base.state != IMAP_TLS)
			imap_printf(s, "* BYE %s\r\n", why);
		imap_move(s, IMAP_CLOSING);
	}
	session_again(&s->base);
}

void
imap_session_lost(struct imap_session *s)
{
	static const char no[] = "NO [UNAVAILABLE] the mail store was restarted";
	bool was_asked = s->base.request != 0 && s->base.asked == s->mailbox;

	if (was_asked)
		session_request_done(&s->base);
	if (s->handle != 0)
		imap_server_leave(s->instance, s->handle);
	s->mailbox = NULL;
	s->handle = 0;
	if (s->base.state == IMAP_CLOSING)
		return;
	imap_fetch_cut(s);
	/* A command that is done has its answer, though what else happened is not known. */
	if (s->command.ending != NULL)
		imap_printf(s, "%s\r\n", s->command.ending);
	imap_flight_end(s, no);
	if (s->command.ending == NULL && was_asked && s->command.tag != NULL)
		imap_printf(s, "%s %s\r\n", s->command.tag, no);
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
is_mailbox_gone(const struct imap_session *s)
{
	return s->view != NULL && s->view->is_removed &&
	       (s->base.state == IMAP_COMMAND || s->base.state == IMAP_IDLE) &&
	       s->input.lines == 0 && !imap_flight_is_any(s);
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
	if (is_mailbox_gone(s)) {
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
	case IMAP_SYNC_TELL:
		return imap_when_sync_tell(s);
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
		session_request_done(&s->base);
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
	TAILQ_INIT(&s->flights);
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
