/*
 * APPEND (RFC 3501 6.3.11, RFC 4315). The message goes to a buffer or, when it is large, into
 * a file that mailbox lends; that file is kept for the next APPEND when this one comes to
 * nothing. Invariant: of the announced octets every one is taken from the stream and none is
 * ever read as a command.
 */
#include "common/base/mem.h"
#include "common/base/moment.h"
#include "common/base/whole.h"
#include "common/mail/date.h"
#include "imapd/command.h"
#include "imapd/flight.h"

#include <unistd.h>

struct imap_append {
	struct buf name;
	struct imap_flags flags;
	int64_t date;
	struct buf octets; /* a small message */
	uint64_t size, left;
	const char *flaw; /* why it will not be stored */
	bool is_sync;
	bool in_file;   /* this message goes to the spool */
	uint32_t spool; /* lent by mailbox; 0: none */
	int fd;
};

/* Ready for the next message; the spool stays. */
static void
clear_append(struct imap_append *a)
{
	buf_fini(&a->name);
	buf_fini(&a->flags.keywords);
	buf_fini(&a->octets);
	*a = (struct imap_append){.spool = a->spool, .fd = a->fd};
}

void
imap_append_free(struct imap_append *a)
{
	if (a == NULL)
		return;
	clear_append(a);
	if (a->fd >= 0)
		close(a->fd);
	free(a);
}

/* Keeps what is worth keeping: a spool. */
static void
leave_append(struct imap_session *s)
{
	clear_append(s->append);
	if (s->append->fd >= 0)
		return;
	imap_append_free(s->append);
	s->append = NULL;
}

/* APPEND without a literal in its place: the line was whole before there was a message. */
IMAP_COMMAND(append)
{
	imap_bad(s, "APPEND takes a name, perhaps flags and a date, and the message as a literal");
}

static void
on_appended(struct imap_session *s, const struct ipc_message *m)
{
	const struct am_appended *is = m->body;

	if (s->view != NULL)
		s->view->is_stale = true;
	imap_done(s, "OK [APPENDUID %u %u] stored", is->uidvalidity, is->uid);
}

static void
store_message(struct imap_session *s)
{
	static const struct imap_answers appended = {.last = {&am_appended_schema, on_appended}};
	struct imap_append *a = s->append;
	struct am_append m = {.handle = s->handle,
	    .name = buf_slice(&a->name),
	    .flags = a->flags.system,
	    .keywords = buf_slice(&a->flags.keywords),
	    .date = a->date,
	    .size = a->size,
	    .octets = buf_slice(&a->octets)};

	if (a->in_file) {
		/* The file is mailbox's now. */
		m.spool = a->spool;
		close(a->fd);
		a->fd = -1;
		a->spool = 0;
	}
	if (a->in_file || !imap_flight_start(s, &m))
		imap_ask_mailbox(s, &am_append_schema, &m, &appended);
	leave_append(s);
}

/* Name, flags and date; what stops it says why. */
static const char *
parse_date(struct imap_parse *p, int64_t *date)
{
	struct slice text;
	struct date d;

	*date = civil_now();
	if (!imap_parse_quoted(p, &text))
		return NULL;
	if (!date_internal_parse(text, &d) || !imap_parse_char(p, ' '))
		return "that is no date-time";
	*date = d.seconds;
	return NULL;
}

static const char *
parse_options(struct imap_append *a, struct imap_parse *p)
{
	if (p->at < p->end && *p->at == '(') {
		switch (imap_parse_flags(p, false, &a->flags)) {
		case IMAP_FLAGS_OK:
			break;
		case IMAP_FLAGS_BAD:
			return "a flag is not one";
		case IMAP_FLAGS_LIMIT:
			return "too many keywords, or one too long";
		}
		if (!imap_parse_char(p, ' '))
			return "the message is missing";
	}
	return parse_date(p, &a->date);
}

/* The session has an APPEND to fill, its descriptor -1 while no file is lent. */
static struct imap_append *
take_append(struct imap_session *s)
{
	if (s->append == NULL) {
		s->append = mem_zero(sizeof(*s->append));
		s->append->fd = -1;
	}
	return s->append;
}

static void
start_message(struct imap_session *s)
{
	if (s->append->is_sync)
		imap_write(s, SLICE("+ go ahead\r\n"));
	imap_move(s, IMAP_MESSAGE);
}

static void
no_spool(struct imap_session *s, const char *why)
{
	struct imap_append *a = s->append;

	/* Nobody asked the client for these octets, or it was told not to send them. */
	if (a->is_sync) {
		leave_append(s);
		imap_done(s, "NO [UNAVAILABLE] %s", why);
		return;
	}
	a->flaw = why;
	imap_move(s, IMAP_MESSAGE);
}

static void
on_spooled(struct imap_session *s, const struct ipc_message *m)
{
	const struct am_spooled *is = m->body;

	s->append->spool = is->spool;
	s->append->fd = m->fd;
	start_message(s);
}

static void
on_spool_refused(struct imap_session *s, const struct am_no *no)
{
	no_spool(s, "the mail store has no room for the message now");
}

static void
on_spool_missing(struct imap_session *s)
{
	no_spool(s, "the mail store does not answer now, try again later");
}

static void
want_spool(struct imap_session *s)
{
	static const struct imap_answers spooled = {.last = {&am_spooled_schema, on_spooled},
	    .refused = on_spool_refused,
	    .missing = on_spool_missing};
	struct imap_append *a = s->append;
	struct am_spool m = {.handle = s->handle};

	a->in_file = true;
	if (a->fd >= 0 && ftruncate(a->fd, 0) == 0 && lseek(a->fd, 0, SEEK_SET) == 0) {
		start_message(s);
		return;
	}
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
	imap_move(s, IMAP_SPOOL_ASK);
	imap_ask_mailbox(s, &am_spool_schema, &m, &spooled);
}

/* Whether the literal at hand stands here, and all before it was read. */
static bool
is_at_literal(const struct imap_parse *p)
{
	return p->at < p->end && *p->at == '{';
}

bool
imap_append_begin(struct imap_session *s, bool is_sync)
{
	struct imap_parse p = imap_command_arguments(s);
	struct imap_append *a;
	struct slice wire;
	const char *flaw = NULL;

	if (!imap_parse_char(&p, ' ') || !imap_parse_astring(&p, IMAP_ASTRING, &wire)) {
		if (!is_at_literal(&p))
			imap_input_spoil(&s->input, "", "the name of a mailbox is missing");
		else if (s->input.wanted > LIMIT_IMAP_LITERALS)
			imap_input_spoil(&s->input, "[TOOBIG] ", "the name is too long");
		return false;
	}
	a = take_append(s);
	if (!imap_mailbox_name(wire, &a->name))
		imap_input_spoil(&s->input, "[CANNOT] ", "no mailbox can have this name");
	else if (!imap_parse_char(&p, ' '))
		flaw = "the message is missing";
	else if ((flaw = parse_options(a, &p)) == NULL && !is_at_literal(&p))
		flaw = "the message is a literal";
	if (flaw != NULL)
		imap_input_spoil(&s->input, "", flaw);
	if (s->input.flaw != NULL) {
		leave_append(s);
		return false;
	}
	a->is_sync = is_sync;
	a->size = a->left = s->input.wanted;
	s->input.wanted = 0;
	buf_fini(&s->input.command);
	if (a->size > LIMIT_INLINE)
		want_spool(s);
	else
		start_message(s);
	return true;
}

static void
take_message_octets(struct imap_append *a, struct slice octets)
{
	if (a->flaw == NULL && slice_find(octets, '\0') >= 0)
		a->flaw = "a message has no NUL";
	if (a->flaw != NULL)
		return;
	if (!a->in_file)
		buf_add_slice(&a->octets, octets);
	else if (!whole_write(a->fd, octets))
		a->flaw = "the message could not be stored";
}

enum session_next
imap_when_message(struct imap_session *s)
{
	struct imap_append *a = s->append;
	struct slice octets;
	enum session_next next;

	while (a->left > 0) {
		if (!session_peek(&s->base, &octets, &next))
			return next;
		octets = slice_sub(octets, 0, a->left < SIZE_MAX ? (size_t)a->left : SIZE_MAX);
		take_message_octets(a, octets);
		a->left -= octets.len;
		stream_consume(s->base.stream, octets.len);
		imap_heard(s);
	}
	imap_heard(s);
	imap_move(s, IMAP_MESSAGE_END);
	return SESSION_GO_ON;
}

/* Nothing may follow the message. A further literal is thrown away like any refused one. */
static void
refuse_more(struct imap_session *s, struct slice line)
{
	leave_append(s);
	imap_input_spoil(&s->input, "", "APPEND takes one message");
	imap_move(s, IMAP_COMMAND);
	imap_command_line(s, line);
}

enum session_next
imap_when_message_end(struct imap_session *s)
{
	struct imap_append *a = s->append;
	struct slice line;

	switch (stream_line(s->base.stream, LIMIT_IMAP_LINE, &line)) {
	case STREAM_OK:
		break;
	case STREAM_AGAIN:
		return SESSION_WAIT;
	case STREAM_BARE:
	case STREAM_TOO_LONG:
	case STREAM_FLOOD:
		imap_session_shut(s, "a message is followed by the end of the line");
		return SESSION_GO_ON;
	case STREAM_CLOSED:
		imap_move(s, IMAP_CLOSING);
		return SESSION_GO_ON;
	}
	if (line.len > 0) {
		refuse_more(s, line);
	} else if (a->flaw != NULL || a->size == 0) {
		const char *why = a->size == 0 ? "the message is empty" : a->flaw;

		imap_done(s, "NO %s", why);
		leave_append(s);
	} else {
		store_message(s);
	}
	return SESSION_GO_ON;
}
