#include "imapd/flight.h"

#include "common/base/mem.h"
#include "imapd/ask.h"
#include "imapd/beginning.h"
#include "imapd/command.h"
#include "imapd/sync.h"

#include <unistd.h>

struct imap_flight {
	TAILQ_ENTRY(imap_flight) link;
	struct imap_session *session;
	struct channel *asked;
	uint32_t request; /* 0: it is answered */
	const struct imap_verb *verb;
	char *tag;
	char *ending; /* its tagged response, once it is answered */
};

/* Of all sessions: they leave room on the channel for requests of other kinds. */
static size_t in_flight;

bool
imap_flight_is_any(const struct imap_session *s)
{
	return s->flight_count > 0;
}

static struct imap_flight *
flight_new(struct imap_session *s)
{
	struct imap_flight *f = mem_zero(sizeof(*f));

	f->session = s;
	f->verb = s->command.verb;
	TAILQ_INSERT_TAIL(&s->flights, f, link);
	s->flight_count++;
	in_flight++;
	return f;
}

static void
flight_free(struct imap_flight *f)
{
	if (f->request != 0)
		channel_done(f->asked, f->request);
	TAILQ_REMOVE(&f->session->flights, f, link);
	f->session->flight_count--;
	in_flight--;
	free(f->tag);
	free(f->ending);
	free(f);
}

/* The responses that have their turn, and what command they answer. */
static struct buf
take_endings(struct imap_session *s, const struct imap_verb **verb)
{
	struct buf lines = {0};
	struct imap_flight *f;

	while ((f = TAILQ_FIRST(&s->flights)) != NULL && f->ending != NULL) {
		buf_printf(&lines, "%s%s", lines.len > 0 ? "\r\n" : "", f->ending);
		*verb = f->verb;
		flight_free(f);
	}
	return lines;
}

/* Tells the responses, whatever comes in now. */
static void
tell(struct imap_session *s)
{
	const struct imap_verb *verb;
	struct buf lines = take_endings(s, &verb);

	if (lines.len > 0)
		imap_printf(s, "%s\r\n", buf_text(&lines));
	buf_fini(&lines);
}

/* The same between commands, where what has changed can be asked for and told before them. */
static bool
tell_with_news(struct imap_session *s)
{
	struct buf lines = take_endings(s, &s->command.verb);

	if (lines.len == 0)
		return false;
	imap_end(s, buf_take(&lines, NULL));
	return true;
}

static bool
is_between_commands(const struct imap_session *s)
{
	return s->base.state == IMAP_COMMAND && s->input.lines == 0;
}

/* News are being told, which the response may not interrupt; or nobody is there to hear it. */
static bool
is_silent(const struct imap_session *s)
{
	return ((TO(SYNC_ASK) | TO(SYNC_TELL) | TO(CLOSING)) & 1U << s->base.state) != 0;
}

static void
land(struct imap_flight *f, char *ending)
{
	struct imap_session *s = f->session;

	f->request = 0;
	f->ending = ending;
	if (is_between_commands(s))
		session_again(&s->base);
	else if (!is_silent(s))
		tell(s);
}

static void
on_ended(void *owner, enum channel_end why)
{
	struct imap_flight *f = owner;

	land(f, imap_ending_unavailable(f->tag));
}

static void
on_answer(void *owner, struct ipc_message *m)
{
	struct imap_flight *f = owner;
	const struct am_appended *is = m->body;

	if (m->schema != &am_appended_schema && m->schema != &am_no_schema) {
		if (m->fd >= 0)
			close(m->fd);
		channel_violation(m->channel, m->schema->name);
		return;
	}
	channel_done(f->asked, f->request);
	if (m->schema == &am_no_schema) {
		land(f, imap_ending_no(f->tag, m->body));
		return;
	}
	if (f->session->view != NULL)
		f->session->view->is_stale = true;
	land(f, imap_ending(f->tag, "OK [APPENDUID %u %u] stored", is->uidvalidity, is->uid));
}

/* Whether one more may go: a session that may send none ahead still has one. */
static bool
has_room(const struct imap_session *s)
{
	return s->flight_count == 0 ||
	       (s->flight_count < LIMIT_IMAP_APPENDS && in_flight < LIMIT_ALL_IMAP_APPENDS &&
		   s->mailbox != NULL && channel_pending(s->mailbox) <= CHANNEL_HIGH);
}

bool
imap_flight_start(struct imap_session *s, const struct am_append *m)
{
	struct imap_flight *f;
	struct channel_request r = {
	    .answer = on_answer, .ended = on_ended, .deadline = SPAN_SECONDS(IMAP_ASK_SECONDS)};

	if (!has_room(s))
		return false;
	r.owner = f = flight_new(s);
	f->asked = s->mailbox;
	f->request = channel_ask(s->mailbox, &r, &am_append_schema, m);
	if (f->request == 0) {
		flight_free(f);
		return false;
	}
	f->tag = s->command.tag;
	s->command.tag = NULL;
	imap_command_end(s);
	imap_move(s, IMAP_COMMAND);
	return true;
}

void
imap_flight_follow(struct imap_session *s, char *ending)
{
	struct imap_flight *f = flight_new(s);

	f->ending = ending;
	imap_command_end(s);
	if (s->base.state != IMAP_COMMAND)
		imap_move(s, IMAP_COMMAND);
}

/* Whether the next line is here, and begins an APPEND whose message comes unasked. */
static bool
is_append_next(const struct imap_session *s)
{
	struct imap_beginning b;
	struct slice octets;
	ptrdiff_t end;

	if (stream_peek(s->base.stream, &octets) != STREAM_OK)
		return false;
	end = slice_find(octets, '\n');
	if (end < 1 || end > LIMIT_IMAP_LINE)
		return false;
	octets = slice_sub(octets, 0, (size_t)end + 1);
	return slice_has_suffix_nocase(octets, SLICE("+}\r\n")) &&
	       imap_beginning_parse(slice_sub(octets, 0, octets.len - 2), &b) == NULL &&
	       !b.is_uid && slice_equal_text_nocase(b.name, "APPEND");
}

bool
imap_flight_step(struct imap_session *s, enum session_next *next)
{
	if (tell_with_news(s)) {
		*next = SESSION_GO_ON;
		return false;
	}
	if (s->flight_count == 0 || (has_room(s) && is_append_next(s)))
		return true;
	*next = SESSION_WAIT;
	return false;
}

void
imap_flight_end(struct imap_session *s, const char *others)
{
	struct imap_flight *f;

	if (others != NULL) {
		TAILQ_FOREACH (f, &s->flights, link) {
			if (f->ending == NULL)
				f->ending = imap_ending(f->tag, "%s", others);
		}
	}
	tell(s);
	imap_flight_drop(s);
}

void
imap_flight_drop(struct imap_session *s)
{
	while (!TAILQ_EMPTY(&s->flights))
		flight_free(TAILQ_FIRST(&s->flights));
}
