/*
 * Invariants:
 * 1. imap_move() is the only writer of the state.
 * 2. At most one request is open, and only in the states that is_asking() names and SENDING.
 * 3. A command is in hand from its first line to its tagged reply, and there is one at most.
 */
#include "imapd/session.h"

#include "common/base/assert.h"
#include "common/base/id.h"
#include "common/base/mem.h"
#include "common/net/sasl.h"
#include "imapd/command.h"
#include "imapd/sync.h"

#include <stdio.h>

enum { STEPS_IN_A_TURN = 64 };

_Static_assert(sizeof(struct imap_session) <= 768, "a session at rest is small");

static const struct {
	const char *name;
	unsigned next;
} states[] = {
#define S(name, waits, next) {#name, next},
    IMAP_STATES(S)
#undef S
};

static bool
is_asking(enum imap_state state)
{
	return state == IMAP_LOGIN_ASK || state == IMAP_OPEN_ASK || state == IMAP_ASK ||
	       state == IMAP_SPOOL_ASK || state == IMAP_SYNC_ASK;
}

void
imap_move(struct imap_session *s, enum imap_state next)
{
	ASSERT(states[s->state].next & (1U << next));
	s->state = next;
	ASSERT(is_asking(next) || next == IMAP_SENDING || s->request == 0);
}

void
imap_heard(struct imap_session *s)
{
	if (s->level != IMAP_NOT_AUTHENTICATED)
		timer_start(&s->deadline, SPAN_SECONDS(LIMIT_IMAP_SECONDS));
}

void
imap_write(struct imap_session *s, struct slice text)
{
	if (text.len > 0)
		imap_output_text(&s->output, s->stream, text);
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
	if (s->state != IMAP_COMMAND && s->state != IMAP_CLOSING)
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

bool
imap_ask(struct imap_session *s, struct channel *c,
    void (*answer)(void *owner, struct ipc_message *m),
    void (*ended)(void *owner, enum channel_end why), struct span deadline)
{
	struct channel_request r = {
	    .answer = answer, .ended = ended, .owner = s, .deadline = deadline};

	ASSERT(s->request == 0);
	if (c == NULL)
		return false;
	s->asked = c;
	s->request = channel_request(c, &r);
	return s->request != 0;
}

void
imap_asked(struct imap_session *s)
{
	channel_done(s->asked, s->request);
	s->request = 0;
}

static void
on_ask_ended(void *owner, enum channel_end why)
{
	struct imap_session *s = owner;

	s->request = 0;
	imap_unavailable(s);
	imap_session_again(s);
}

void
imap_ask_mailbox(struct imap_session *s, const struct ipc_schema *schema, const void *message,
    void (*answer)(void *owner, struct ipc_message *m))
{
	struct span deadline =
	    schema == &am_fetch_schema ? SPAN_MS(0) : SPAN_SECONDS(IMAP_ASK_SECONDS);

	if (s->state != IMAP_ASK)
		imap_move(s, IMAP_ASK);
	if (!imap_ask(s, s->mailbox, answer, on_ask_ended, deadline)) {
		imap_unavailable(s);
	} else if (!channel_send(s->mailbox, schema, s->request, message, -1)) {
		imap_asked(s);
		imap_unavailable(s);
	}
}

bool
imap_is_answer(struct imap_session *s, struct ipc_message *m, const struct ipc_schema *wanted)
{
	if (m->schema == wanted)
		return true;
	if (m->schema == &am_no_schema) {
		imap_asked(s);
		imap_no(s, m->body);
		imap_session_again(s);
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
free_session(struct imap_session *s)
{
	log_event(&s->log, EV_disconnect, NUM("errors", s->errors));
	if (s->request != 0)
		channel_done(s->asked, s->request);
	if (s->handle != 0)
		imap_server_leave(s->instance, s->handle);
	imap_unselect(s);
	if (s->mailbox != NULL && s->handle != 0) {
		struct am_close m = {.handle = s->handle};

		am_close_send(s->mailbox, 0, &m, -1);
	}
	task_cancel(&s->again);
	timer_stop(&s->deadline);
	timer_stop(&s->retry);
	end_command(s);
	sasl_free(s->sasl);
	imap_append_free(s->append);
	imap_output_fini(&s->output);
	stream_finish(s->stream);
	LIST_REMOVE(s, link);
	service_leave(s->service, &s->peer);
	free(s);
}

void
imap_session_again(struct imap_session *s)
{
	task_queue(&s->again);
}

void
imap_session_shut(struct imap_session *s, const char *why)
{
	/* An answer that is still to come has nobody left to read it. */
	if (s->request != 0)
		imap_asked(s);
	if (s->state != IMAP_CLOSING) {
		if (s->state != IMAP_TLS)
			imap_printf(s, "* BYE %s\r\n", why);
		imap_move(s, IMAP_CLOSING);
	}
	imap_session_again(s);
}

void
imap_session_lost(struct imap_session *s)
{
	bool was_asked = s->request != 0 && s->asked == s->mailbox;

	if (was_asked)
		imap_asked(s);
	if (s->handle != 0)
		imap_server_leave(s->instance, s->handle);
	s->mailbox = NULL;
	s->handle = 0;
	if (s->state == IMAP_CLOSING)
		return;
	if (was_asked && s->tag != NULL)
		imap_printf(s, "%s NO [UNAVAILABLE] the mail store was restarted\r\n", s->tag);
	imap_session_shut(s, "[UNAVAILABLE] the mail store was restarted, please connect again");
}

void
imap_session_changed(struct imap_session *s, uint64_t modseq, bool removed)
{
	if (s->view == NULL || s->state == IMAP_CLOSING)
		return;
	if (modseq > s->view->modseq)
		s->view->is_stale = true;
	if (removed)
		s->view->is_removed = true;
	if (s->state == IMAP_IDLE || (removed && s->state == IMAP_COMMAND))
		imap_session_again(s);
}

static void
greet(struct imap_session *s)
{
	struct buf capabilities = {0};

	imap_capabilities(s, &capabilities);
	imap_printf(s, "* OK [CAPABILITY %s] %s IMAP Kurir\r\n", buf_text(&capabilities),
	    service_hostname(s->service));
	buf_fini(&capabilities);
}

static enum imap_next
when_tls(struct imap_session *s)
{
	struct slice nothing;

	if (stream_failure(s->stream)[0] != '\0') {
		log_event(&s->log, EV_tls_failed, WORD("text", stream_failure(s->stream)));
		imap_move(s, IMAP_CLOSING);
		return IMAP_GO_ON;
	}
	if (stream_is_handshaking(s->stream)) {
		stream_peek(s->stream, &nothing);
		return IMAP_WAIT;
	}
	s->is_tls = true;
	imap_move(s, IMAP_COMMAND);
	if (s->service->listen->tls == TLS_IMPLICIT)
		greet(s);
	return IMAP_GO_ON;
}

static enum imap_next
when_closing(struct imap_session *s)
{
	if (imap_output_is_empty(&s->output) || stream_failure(s->stream)[0] != '\0')
		return IMAP_END;
	return IMAP_WAIT;
}

/* Between commands, and in IDLE: a mailbox that is gone cannot stay selected. */
static bool
must_leave(const struct imap_session *s)
{
	return s->view != NULL && s->view->is_removed &&
	       (s->state == IMAP_COMMAND || s->state == IMAP_IDLE) && s->input.lines == 0;
}

static enum imap_next
step_once(struct imap_session *s)
{
	if (!imap_output_pump(&s->output, s->stream)) {
		/* A literal cannot be taken back: all that is left is to break off. */
		imap_output_fini(&s->output);
		return IMAP_END;
	}
	if (must_leave(s)) {
		imap_session_shut(s, "the selected mailbox was deleted");
		return IMAP_GO_ON;
	}
	switch (s->state) {
	case IMAP_COMMAND:
		return imap_when_command(s);
	case IMAP_LITERAL:
		return imap_when_literal(s);
	case IMAP_TLS:
		return when_tls(s);
	case IMAP_AUTH_INPUT:
		return imap_when_auth_input(s);
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
		return IMAP_WAIT;
	case IMAP_CLOSING:
		return when_closing(s);
	case IMAP_STATE_COUNT:
		break;
	}
	PANIC("a session without a state");
}

static void
step(struct imap_session *s)
{
	enum imap_next next = IMAP_GO_ON;

	for (int i = 0; i < STEPS_IN_A_TURN && next == IMAP_GO_ON; i++)
		next = step_once(s);
	if (next == IMAP_END)
		free_session(s);
	else if (next == IMAP_GO_ON)
		imap_session_again(s);
}

static void
on_again(void *owner)
{
	step(owner);
}

static void
on_retry(void *owner)
{
	imap_session_again(owner);
}

static void
on_wake(void *owner)
{
	struct imap_session *s = owner;

	if (!is_asking(s->state))
		step(s);
}

static void
on_deadline(void *owner)
{
	struct imap_session *s = owner;

	if (is_asking(s->state)) {
		timer_start(&s->deadline, SPAN_SECONDS(LIMIT_LOGIN_SECONDS));
		imap_heard(s);
		return;
	}
	/* The client does not even take what it asked for: BYE would stand inside a literal. */
	if (!imap_output_is_empty(&s->output)) {
		imap_output_fini(&s->output);
		if (s->state != IMAP_CLOSING)
			imap_move(s, IMAP_CLOSING);
	}
	imap_session_shut(s, "nothing came for too long");
}

void
imap_session_start(struct service *service, int fd, const struct netaddr *peer)
{
	struct imap_session *s = mem_zero(sizeof(*s));
	char text[NETADDR_TEXT];

	s->service = service;
	s->peer = *peer;
	s->level = IMAP_NOT_AUTHENTICATED;
	s->log = (struct log_context){.key = "session", .id = id_random()};
	s->stream = stream_new(fd, on_wake, s);
	imap_output_init(&s->output);
	task_init(&s->again, on_again, s);
	timer_init(&s->deadline, on_deadline, s);
	timer_init(&s->retry, on_retry, s);
	timer_start(&s->deadline, SPAN_SECONDS(LIMIT_LOGIN_SECONDS));
	service_enter(service);
	LIST_INSERT_HEAD(&imap_server.sessions, s, link);
	log_event(&s->log, EV_connect, WORD("from", netaddr_format(peer, text)),
	    NUM("port", service->listen->port));
	if (service->listen->tls == TLS_IMPLICIT) {
		imap_move(s, IMAP_TLS);
		stream_start_tls_server(s->stream, service->tls);
	} else {
		greet(s);
	}
	step(s);
}
