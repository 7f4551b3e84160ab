/*
 * FETCH (RFC 3501 6.4.5). What the view knows is answered from it; the rest comes from mailbox
 * in batches, and the next batch is asked for when the client has taken the last one. Of a batch
 * the messages wait that a slow client has not come to: 100 items may make much of each. A
 * section without PEEK sets \Seen first, so that the flags told are right.
 */
#include "common/base/mem.h"
#include "imapd/command.h"
#include "imapd/fetch_item.h"
#include "imapd/fetch_response.h"

#include <unistd.h>

enum { FROM_VIEW = 500 }; /* messages a step */

struct fetch {
	struct imap_fetch_items items;
	struct imap_set set; /* indexes of the view */
	size_t at;           /* the range that is next */
	size_t number;       /* which of that range; when all comes from the view */
	TAILQ_HEAD(, imap_fetch_response) held; /* messages that wait; the first may be begun */
	bool is_waiting;                        /* a batch is in, am_more is due */
	bool is_part_told; /* the last of its messages is in, ask_next() is due */
	bool has_failed;   /* a message could not be read, and was left out */
};

static void
drop_first(struct fetch *f)
{
	struct imap_fetch_response *r = TAILQ_FIRST(&f->held);

	TAILQ_REMOVE(&f->held, r, link);
	imap_fetch_response_fini(r);
	free(r);
}

static void
drop_held(struct fetch *f)
{
	while (!TAILQ_EMPTY(&f->held))
		drop_first(f);
}

static void
drop_fetch(void *work)
{
	struct fetch *f = work;

	drop_held(f);
	imap_fetch_items_fini(&f->items);
	imap_set_fini(&f->set);
	free(f);
}

/* Behind a batch nothing comes before it was asked for: what the client does not take would pile up
 * here. */
static bool
is_untimely(const struct imap_session *s, const struct ipc_message *m)
{
	const struct fetch *f = s->command.work;

	if (!f->is_waiting)
		return false;
	if (m->fd >= 0)
		close(m->fd);
	channel_violation(m->channel, m->schema->name);
	return true;
}

/* Takes what the response has. */
static void
hold(struct imap_session *s, const struct imap_fetch_response *r)
{
	struct fetch *f = s->command.work;
	struct imap_fetch_response *held = mem_zero(sizeof(*held));

	*held = *r;
	imap_fetch_response_keep(held);
	TAILQ_INSERT_TAIL(&f->held, held, link);
	if (s->base.state != IMAP_SENDING)
		imap_move(s, IMAP_SENDING);
	session_again(&s->base);
}

static void
on_message(struct imap_session *s, const struct ipc_message *m)
{
	struct fetch *f = s->command.work;
	struct imap_fetch_response r;

	if (is_untimely(s, m))
		return;
	if (!imap_fetch_response_init(&r, &f->items, m)) {
		f->has_failed = true;
		log_error("a message cannot be read, or not all of it: it is left out of FETCH");
	} else if (!TAILQ_EMPTY(&f->held) || !imap_fetch_response_tell(s, &f->items, &r)) {
		hold(s, &r);
		return;
	}
	imap_fetch_response_fini(&r);
}

/* The next batch comes when the client has taken this one. */
static void
on_batch(struct imap_session *s, const struct ipc_message *m)
{
	struct fetch *f = s->command.work;

	if (is_untimely(s, m))
		return;
	f->is_waiting = true;
	if (s->base.state != IMAP_SENDING)
		imap_move(s, IMAP_SENDING);
	session_again(&s->base);
}

static void ask_next(struct imap_session *s);

static void
finish_part(struct imap_session *s)
{
	struct fetch *f = s->command.work;

	f->is_part_told = !TAILQ_EMPTY(&f->held);
	if (!f->is_part_told)
		ask_next(s);
}

static void
on_part_fetched(struct imap_session *s, const struct ipc_message *m)
{
	finish_part(s);
}

void
imap_fetch_cut(struct imap_session *s)
{
	struct fetch *f = s->command.work;

	if (s->command.drop_work != drop_fetch || TAILQ_EMPTY(&f->held))
		return;
	imap_fetch_response_cut(s, TAILQ_FIRST(&f->held));
	drop_held(f);
}

static void
on_part_missing(struct imap_session *s)
{
	imap_fetch_cut(s);
	imap_unavailable(s);
}

/* Mailbox has left out what it cannot read: the other parts of the set are asked for still. */
static void
on_part_refused(struct imap_session *s, const struct am_no *no)
{
	struct fetch *f = s->command.work;

	if (no->code != AM_CORRUPTION) {
		imap_fetch_cut(s);
		imap_no(s, no);
		return;
	}
	f->has_failed = true;
	finish_part(s);
}

/* Asks for the next part of the set, or ends the command. */
static void
ask_next(struct imap_session *s)
{
	static const struct imap_answers fetched = {
	    .parts = {{&am_message_schema, on_message}, {&am_batch_schema, on_batch}},
	    .last = {&am_ok_schema, on_part_fetched},
	    .refused = on_part_refused,
	    .missing = on_part_missing,
	    .is_paced = true,
	};
	struct fetch *f = s->command.work;
	struct buf uids = {0};
	struct am_fetch m = {.handle = s->handle, .want = (uint8_t)f->items.wants};
	size_t to = f->at + IMAP_RANGES < f->set.count ? f->at + IMAP_RANGES : f->set.count;

	if (f->at == f->set.count) {
		imap_done(s, f->has_failed ? "NO [CORRUPTION] some of the messages cannot be read"
					   : "OK fetched");
		return;
	}
	for (; f->at < to; f->at++)
		imap_view_pack(s->view, &f->set.ranges[f->at], &uids);
	m.uids = buf_slice(&uids);
	imap_ask_mailbox(s, &am_fetch_schema, &m, &fetched);
	buf_fini(&uids);
}

static void
ask_more(struct imap_session *s)
{
	struct am_more more = {0};
	struct fetch *f = s->command.work;

	f->is_waiting = false;
	if (s->base.state != IMAP_ASK)
		imap_move(s, IMAP_ASK);
	if (am_more_send(s->base.asked, s->base.request, &more, -1))
		return;
	/* So much waits for mailbox that it did not go; it has no deadline that would end it. */
	session_request_done(&s->base);
	on_part_missing(s);
}

/* Answers from the view alone, some messages a step. False: all are done. */
static bool
tell_from_view(struct imap_session *s)
{
	struct fetch *f = s->command.work;

	for (unsigned n = 0; n < FROM_VIEW && f->at < f->set.count && !imap_is_client_slow(s);
	     n++) {
		const struct imap_range *r = &f->set.ranges[f->at];
		struct imap_message *known = &s->view->messages[r->first + f->number];

		if (!(known->marks & IMAP_GONE))
			imap_fetch_response_known(s, &f->items, known);
		if (r->first + f->number++ == r->last) {
			f->at++;
			f->number = 0;
		}
	}
	return f->at < f->set.count;
}

/* What is held, as far as the client takes it. False: some is left. */
static bool
tell_held(struct imap_session *s)
{
	struct fetch *f = s->command.work;

	while (!TAILQ_EMPTY(&f->held)) {
		if (!imap_fetch_response_tell(s, &f->items, TAILQ_FIRST(&f->held)))
			return false;
		drop_first(f);
	}
	return true;
}

/* Goes on where what is sent comes from mailbox; false: it comes from the view. */
static bool
fetch_more(struct imap_session *s)
{
	struct fetch *f = s->command.work;

	if (f->is_waiting) {
		ask_more(s);
	} else if (f->is_part_told) {
		f->is_part_told = false;
		ask_next(s);
	} else if (s->base.request != 0) {
		imap_move(s, IMAP_ASK);
	} else {
		return false;
	}
	return true;
}

/* Others come first: one step a turn. */
static enum session_next
yield_to_others(struct imap_session *s)
{
	session_again(&s->base);
	return SESSION_WAIT;
}

enum session_next
imap_when_sending(struct imap_session *s)
{
	if (stream_failure(s->base.stream)[0] != '\0') {
		session_request_done(&s->base);
		imap_move(s, IMAP_CLOSING);
		return SESSION_GO_ON;
	}
	if (imap_is_client_slow(s))
		return SESSION_WAIT;
	imap_heard(s);
	if (!tell_held(s) || fetch_more(s))
		return SESSION_GO_ON;
	if (!tell_from_view(s))
		imap_done(s, "OK fetched");
	else
		return yield_to_others(s);
	return SESSION_GO_ON;
}

static void
begin_fetch(struct imap_session *s)
{
	const struct fetch *f = s->command.work;

	if (f->items.wants != 0)
		ask_next(s);
	else if (f->set.count > 0)
		imap_move(s, IMAP_SENDING);
	else
		imap_done(s, "OK fetched");
}

static void
on_seen(struct imap_session *s, const struct ipc_message *m)
{
	struct fetch *f = s->command.work;

	for (size_t i = 0; i < f->set.count; i++) {
		for (size_t n = f->set.ranges[i].first; n <= f->set.ranges[i].last; n++) {
			struct imap_message *known = &s->view->messages[n];

			if (!(known->flags & FLAG_SEEN))
				known->marks |= IMAP_TELL;
			known->flags |= FLAG_SEEN;
		}
	}
	s->view->is_stale = true;
	begin_fetch(s);
}

/* Packs the messages of the set that are not seen yet, in runs. False: there is none. */
static bool
pack_unseen(struct imap_session *s, const struct imap_set *set, struct buf *uids)
{
	for (size_t i = 0; i < set->count; i++) {
		for (uint32_t n = set->ranges[i].first; n <= set->ranges[i].last; n++) {
			struct imap_range run = {n, n};

			if (s->view->messages[n].flags & FLAG_SEEN)
				continue;
			while (run.last < set->ranges[i].last &&
			       !(s->view->messages[run.last + 1].flags & FLAG_SEEN))
				run.last++;
			imap_view_pack(s->view, &run, uids);
			n = run.last;
		}
	}
	return uids->len > 0;
}

static void
set_seen(struct imap_session *s)
{
	static const struct imap_answers seen = {.last = {&am_ok_schema, on_seen}};
	struct fetch *f = s->command.work;
	struct buf uids = {0};
	struct am_store m = {.handle = s->handle, .mode = STORE_ADD, .flags = FLAG_SEEN};

	if (!pack_unseen(s, &f->set, &uids)) {
		begin_fetch(s);
	} else if (uids.len > IMAP_RANGES * 8) {
		imap_done(s, "NO [LIMIT] too many messages at once, use BODY.PEEK or fewer");
	} else {
		m.uids = buf_slice(&uids);
		imap_ask_mailbox(s, &am_store_schema, &m, &seen);
	}
	buf_fini(&uids);
}

IMAP_COMMAND(fetch)
{
	struct fetch *f = mem_zero(sizeof(*f));

	TAILQ_INIT(&f->held);
	imap_keep_work(s, f, drop_fetch);
	if (!imap_parse_set(s, p, &f->set))
		return;
	if (!imap_parse_char(p, ' ') || !imap_fetch_items_parse(p, &f->items)) {
		imap_bad(s, "FETCH takes a set and items");
		return;
	}
	if ((f->items.wants & WANT_BODY) && (f->items.wants & WANT_STRUCTURE))
		f->items.wants = (f->items.wants & ~(unsigned)WANT_BODY) | WANT_OCTETS;
	if (f->items.wants & WANT_OCTETS)
		f->items.wants &= ~(unsigned)WANT_HEADER;
	if (f->items.sets_seen && !s->view->is_readonly)
		set_seen(s);
	else
		begin_fetch(s);
}
