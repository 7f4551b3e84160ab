/*
 * Invariants:
 * 1. What is decided is written in one transaction, and only then told to memory: a failure in
 *    between leaves both as they were.
 * 2. An envelope leaves the database only because the next holder has the message, because a
 *    report of its failure is in the same transaction (or none is wanted), or because a person
 *    removed it.
 */
#include "queue/attempt/settle.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "queue/attempt/bounce.h"
#include "queue/attempt/judge.h"
#include "queue/attempt/removal.h"
#include "queue/space.h"

enum { FULL_SECONDS = 2 };

/* Whether an envelope without an outcome goes back as it was: nobody has looked at it. One that is
 * lost again and again may be what ends those processes, and would never grow too old. */
static bool
was_not_tried(const struct queue_attempt *a, const struct queue_envelope *e)
{
	return (a->end == ATTEMPT_LOST && e->lost < ENVELOPE_LOST_MOST) ||
	       (a->end == ATTEMPT_BUSY && e->busy < ENVELOPE_BUSY_MOST);
}

/* Who was asked and said nothing is heard as a temporary failure. */
static void
answer_for_the_silent(struct queue_attempt *a)
{
	const struct queue_outcome busy = {.outcome = OUTCOME_TEMPORARY,
	    .status = SLICE("4.4.5"),
	    .reply = SLICE("the server takes no more connections of ours at a time")};
	const struct queue_outcome silent = {.outcome = OUTCOME_TEMPORARY,
	    .status = SLICE("4.3.0"),
	    .reply = SLICE("a process of this server gave no answer")};

	for (size_t i = 0; i < a->count; i++) {
		const struct queue_item *item = &a->items[i];

		if (item->has_outcome || item->envelope->is_removed ||
		    was_not_tried(a, item->envelope))
			continue;
		queue_attempt_outcome(a, item->row.id, a->end == ATTEMPT_BUSY ? &busy : &silent);
	}
}

static void
fill_recipient(const struct queue_attempt *a, const struct queue_item *item,
    const struct judgement *j, struct dsn_recipient *r)
{
	const struct queue_envelope *e = item->envelope;
	uint32_t ttl = e->destination->ttl != 0 ? e->destination->ttl : queue.rules.ttl;

	*r = (struct dsn_recipient){.original = item->row.orcpt,
	    .given = item->row.original,
	    .final = item->row.address,
	    .status = j->status,
	    .diagnostic = slice_of(item->reply),
	    .remote_mta = slice_of(item->mta),
	    .last_attempt = a->is_flight ? civil_now() : 0};
	if (j->kind == DSN_DELAYED)
		r->will_retry_until = civil_now() + ttl - queue_envelope_age(e);
}

/* One report of a kind, about all the items that it concerns. */
static enum db_result
write_report(struct queue_attempt *a, const struct judgement *js, const struct store_message *m,
    enum dsn_kind kind, struct bounce *b)
{
	struct dsn_recipient *recipients = mem_array(a->count, sizeof(*recipients));
	size_t n = 0;
	enum db_result result = DB_DONE;

	for (size_t i = 0; i < a->count; i++) {
		if (js[i].reports && js[i].kind == kind)
			fill_recipient(a, &a->items[i], &js[i], &recipients[n++]);
	}
	if (n > 0)
		result = queue_bounce_store(b, m, kind, recipients, n);
	free(recipients);
	return result;
}

enum { KINDS = DSN_RELAYED + 1 };

static enum db_result
write_reports(struct queue_attempt *a, const struct judgement *js, struct bounce bounces[KINDS])
{
	struct store_message m;
	enum db_result result = DB_DONE;
	bool any = false;

	for (size_t i = 0; i < a->count; i++)
		any |= js[i].reports;
	if (!any)
		return DB_DONE;
	result = store_find_message(queue.store, a->message->id, &m);
	if (result != DB_ROW)
		return result == DB_DONE ? DB_CORRUPT : result;
	a->message->body = m.is_file ? BODY_FILE : BODY_INLINE;
	result = DB_DONE;
	for (int kind = 0; kind < KINDS && result == DB_DONE; kind++)
		result = write_report(a, js, &m, (enum dsn_kind)kind, &bounces[kind]);
	store_done(queue.store);
	return result;
}

static enum db_result
write_item(struct queue_item *item, const struct judgement *j)
{
	struct store_envelope *row = &item->row;

	if (queue_verdict_is_end(j->verdict))
		return store_remove_envelope(queue.store, row->id);
	if (j->verdict != VERDICT_LATER && j->verdict != VERDICT_WARNED)
		return DB_DONE;
	row->written = civil_now();
	row->age = queue_envelope_age(item->envelope);
	row->warned = (uint8_t)j->warned;
	if (j->verdict == VERDICT_WARNED)
		return store_change_envelope(queue.store, row);
	if (item->envelope->tries < UINT16_MAX)
		row->tries = (uint16_t)(item->envelope->tries + 1);
	row->next_try = row->written + j->wait.ms / 1000;
	row->status = j->status;
	row->reply = slice_of(item->reply);
	row->mta = slice_of(item->mta);
	return store_change_envelope(queue.store, row);
}

static bool
is_last(const struct queue_attempt *a, const struct judgement *js)
{
	size_t gone = 0;

	for (size_t i = 0; i < a->count; i++)
		gone += queue_verdict_is_end(js[i].verdict);
	return gone == a->message->count;
}

static enum db_result
write_all(struct queue_attempt *a, const struct judgement *js, struct bounce bounces[KINDS])
{
	enum db_result result = write_reports(a, js, bounces);

	for (size_t i = 0; i < a->count && result == DB_DONE; i++)
		result = write_item(&a->items[i], &js[i]);
	if (result == DB_DONE && is_last(a, js))
		result = queue_removal_store(a->message);
	return result;
}

static void
log_item(const struct queue_attempt *a, const struct queue_item *item, const struct judgement *j)
{
	struct log_context log = {.key = "message", .id = a->message->id};
	uint8_t transport = item->envelope->destination->transport;

	if (!item->has_outcome)
		return;
	if (j->verdict == VERDICT_DONE) {
		if (transport == TRANSPORT_MAILBOX || transport == TRANSPORT_AGENT)
			log_event(&log, EV_delivered, TEXT("to", item->row.address),
			    WORD("by", item->envelope->destination->action),
			    TEXT("status", j->status), WORD("reply", item->reply));
	} else if (a->is_flight && transport != TRANSPORT_RELAY) {
		log_event(&log, EV_delivery_failed, TEXT("to", item->row.address),
		    TEXT("status", j->status), WORD("reply", item->reply),
		    NUM("tries", item->row.tries + queue_verdict_is_end(j->verdict)));
	}
	if (j->verdict == VERDICT_FAILED && item->outcome == OUTCOME_TEMPORARY)
		log_event(&log, EV_expired, TEXT("to", item->row.address),
		    NUM("age", queue_envelope_age(item->envelope)), WORD("reply", item->reply));
}

/* What was written becomes true in memory. */
static void
apply(struct queue_attempt *a, struct queue_item *item, const struct judgement *j)
{
	struct queue_envelope *e = item->envelope;

	log_item(a, item, j);
	switch (j->verdict) {
	case VERDICT_DONE:
	case VERDICT_FAILED:
	case VERDICT_REMOVED:
		queue_schedule_remove(e);
		queue_envelope_move(e, ENVELOPE_DONE);
		queue_envelope_free(e);
		return;
	case VERDICT_AGAIN:
		if (a->end == ATTEMPT_BUSY)
			e->busy++;
		else if (e->lost < ENVELOPE_LOST_MOST)
			e->lost++;
		break;
	case VERDICT_LATER:
		e->tries = item->row.tries;
		e->warned = item->row.warned & 7;
		e->lost = e->busy = 0;
		break;
	case VERDICT_WARNED:
		e->warned = item->row.warned & 7;
		return;
	case VERDICT_KEPT:
		return;
	}
	if (e->hold != HOLD_NONE)
		queue_envelope_move(e, ENVELOPE_HELD);
	else
		queue_schedule_add(e, j->wait);
}

static bool
needs_writing(const struct queue_attempt *a, const struct judgement *js)
{
	for (size_t i = 0; i < a->count; i++) {
		if (js[i].verdict != VERDICT_AGAIN && js[i].verdict != VERDICT_KEPT)
			return true;
	}
	return false;
}

/* A mailbox knows what it has stored; another server does not, so that must not be forgotten. */
static void
sync_soon(const struct queue_attempt *a)
{
	if (a->destination->transport == TRANSPORT_MAILBOX)
		commit_soon(store_commit(queue.store));
	else
		commit_wait(store_commit(queue.store), NULL, NULL);
}

static enum db_result
write_down(struct queue_attempt *a, const struct judgement *js, struct bounce bounces[KINDS])
{
	struct commit *c = store_commit(queue.store);
	enum db_result result;

	if (!needs_writing(a, js))
		return DB_DONE;
	if (!commit_save(c))
		return DB_ERROR;
	result = write_all(a, js, bounces);
	if (result == DB_DONE) {
		commit_keep(c);
		sync_soon(a);
	} else {
		queue_undo();
		for (int kind = 0; kind < KINDS; kind++)
			queue_bounce_undo(&bounces[kind]);
	}
	return result;
}

static void
apply_all(struct queue_attempt *a, const struct judgement *js, struct bounce bounces[KINDS])
{
	for (size_t i = 0; i < a->count; i++)
		apply(a, &a->items[i], &js[i]);
	for (int kind = 0; kind < KINDS; kind++)
		queue_bounce_begin(&bounces[kind]);
	if (a->message->count == 0)
		queue_removal_begin(a->message);
}

/* Judges, writes and applies; false when there was no room for it, and nothing has changed. */
static bool
settle(struct queue_attempt *a)
{
	struct judgement *js = mem_array(a->count, sizeof(*js));
	struct bounce bounces[KINDS] = {{0}};
	uint32_t random = arc4random();
	enum db_result result;

	answer_for_the_silent(a);
	for (size_t i = 0; i < a->count; i++)
		js[i] = queue_judge(a, &a->items[i], &queue.rules,
		    queue_envelope_age(a->items[i].envelope), random);
	result = write_down(a, js, bounces);
	if (result == DB_DONE)
		apply_all(a, js, bounces);
	free(js);
	if (result == DB_FULL) {
		log_warning("no room to write an outcome down: %s", store_failure(queue.store));
		queue_space_look();
	} else if (result != DB_DONE) {
		queue_give_up("cannot write an outcome down");
	}
	return result == DB_DONE;
}

/* What age asks for an envelope that nobody tries now. Before it ends without a try, its
 * destination must have been tried in this run, or be gone from the configuration. */
static bool
age_wants_something(const struct queue_envelope *e, bool *is_over)
{
	const struct queue_destination *d = e->destination;
	int64_t age = queue_envelope_age(e);
	bool is_stuck = d->is_down || !d->has_action;

	*is_over = is_stuck && expire_is_over(&queue.rules, d->ttl, age);
	return *is_over ||
	       (expire_warnings_due(&queue.rules, age) > e->warned && (is_stuck || e->tries > 0) &&
		   !expire_is_over(&queue.rules, d->ttl, age));
}

bool
queue_settle_age(struct queue_envelope *e)
{
	struct queue_attempt *a;
	bool is_over, done;

	if (!age_wants_something(e, &is_over))
		return false;
	a = queue_attempt_of(e);
	if (a == NULL)
		return true;
	queue_attempt_outcome_all(
	    a, OUTCOME_TEMPORARY, a->items[0].row.status, a->items[0].row.reply);
	done = settle(a);
	queue_attempt_free(a);
	return done && is_over;
}

/* A destination that is down keeps envelopes at hand, perhaps very many, which nobody else looks at.
 * Those whose age asks for something come due once more: so many a turn. */
static void
look_at_waiting(struct queue_destination *d)
{
	struct queue_envelope *e, *next;
	bool is_over;

	if (!d->is_down)
		return;
	TAILQ_FOREACH_SAFE (e, &d->lists[ENVELOPE_READY], link, next) {
		if (age_wants_something(e, &is_over))
			queue_schedule_add(e, SPAN_MS(1));
	}
}

static void
settle_again(void *owner)
{
	queue_settle(owner);
}

void
queue_settle(struct queue_attempt *a)
{
	struct queue_destination *d = a->destination;

	if (settle(a)) {
		queue_attempt_free(a);
		look_at_waiting(d);
	} else {
		timer_init(&a->again, settle_again, a);
		timer_start(&a->again, SPAN_SECONDS(FULL_SECONDS));
	}
}
