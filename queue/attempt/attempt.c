/*
 * Invariants:
 * 1. Every envelope of an attempt that flies is INFLIGHT, and in no other attempt.
 * 2. An attempt ends once: finish, on_ended, put off, cancel, or set aside.
 */
#include "queue/attempt/attempt.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "queue/attempt/route.h"
#include "queue/attempt/settle.h"
#include "queue/schedule/retry.h"
#include "queue/space.h"
#include "queue/store/spool.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void
queue_set_aside(struct queue_envelope *e, const char *why)
{
	struct log_context log = {.key = "message", .id = e->message->id};

	log_event(&log, EV_held, IDNUM("envelope", e->id), WORD("why", why));
	queue_schedule_remove(e);
	if (e->state != ENVELOPE_HELD)
		queue_envelope_move(e, ENVELOPE_HELD);
	e->hold = HOLD_DAMAGE;
	if (commit_begin(store_commit(queue.store)))
		store_hold_envelope(queue.store, e->id, HOLD_DAMAGE);
}

/* Its row may be readable later. */
static void
put_off(struct queue_envelope *e)
{
	log_error("cannot read an envelope: %s", store_failure(queue.store));
	if (e->lost < ENVELOPE_LOST_MOST)
		e->lost++;
	queue_schedule_add(e, retry_delay(&retry_lost, e->lost, arc4random()));
}

/* Reads the envelope's row into the next item; false when it was set aside as damaged, or
 * put off. */
static bool
take_envelope(struct queue_attempt *a, struct queue_envelope *e)
{
	struct queue_item *item = &a->items[a->count];
	enum db_result result = store_find_envelope(queue.store, e->id, &item->row);

	if (result == DB_ROW && item->row.message != e->message->id) {
		store_done(queue.store);
		result = DB_CORRUPT;
	}
	if (result == DB_ERROR) {
		put_off(e);
		return false;
	}
	if (result != DB_ROW) {
		queue_set_aside(e, result == DB_DONE ? "its row is gone" : "its row is damaged");
		return false;
	}
	item->octets = store_copy_envelope(&item->row);
	item->envelope = e;
	a->count++;
	return true;
}

static size_t
count_ready(const struct queue_message *m, const struct queue_destination *d, size_t most)
{
	const struct queue_envelope *e;
	size_t n = 0;

	for (e = m->envelopes; e != NULL && n < most; e = e->next)
		n += e->destination == d && e->state == ENVELOPE_READY;
	return n;
}

static struct queue_attempt *
attempt_alloc(struct queue_envelope *first, size_t most)
{
	struct queue_attempt *a = mem_zero(sizeof(*a) + most * sizeof(a->items[0]));

	a->message = first->message;
	a->destination = first->destination;
	return a;
}

/* Takes READY envelopes of one message into flight; NULL when none of their rows can be read. */
static struct queue_attempt *
attempt_new(struct queue_destination *d, size_t most)
{
	struct queue_envelope *e = TAILQ_FIRST(&d->lists[ENVELOPE_READY]);
	size_t n = count_ready(e->message, d, most);
	struct queue_attempt *a = attempt_alloc(e, n);

	for (e = a->message->envelopes; e != NULL && n > 0; e = e->next) {
		if (e->destination != d || e->state != ENVELOPE_READY)
			continue;
		n--;
		if (take_envelope(a, e))
			queue_envelope_move(e, ENVELOPE_INFLIGHT);
	}
	store_done(queue.store);
	if (a->count == 0) {
		queue_attempt_free(a);
		return NULL;
	}
	a->is_flight = true;
	a->generation = queue_destination_begin(d);
	a->began = loop_now();
	a->is_hasty = queue_schedule_is_short(d);
	a->standing = queue_schedule_began(d);
	return a;
}

static const char *
damage_of_message(enum db_result result)
{
	return result == DB_DONE ? "its message is gone" : "its message's row is damaged";
}

/* No report can be made without its message; then the envelope is set aside, or put off. */
static bool
has_message(struct queue_envelope *e)
{
	struct store_message m;
	enum db_result result = store_find_message(queue.store, e->message->id, &m);

	if (result == DB_ERROR)
		put_off(e);
	else if (result != DB_ROW)
		queue_set_aside(e, damage_of_message(result));
	return result == DB_ROW;
}

struct queue_attempt *
queue_attempt_of(struct queue_envelope *e)
{
	struct queue_attempt *a = attempt_alloc(e, 1);
	bool ok = take_envelope(a, e) && has_message(e);

	store_done(queue.store);
	if (ok)
		return a;
	queue_attempt_free(a);
	return NULL;
}

void
queue_attempt_free(struct queue_attempt *a)
{
	struct queue_destination *d = a->is_flight ? a->destination : NULL;
	uint8_t standing = a->standing;

	for (size_t i = 0; i < a->count; i++) {
		free(a->items[i].octets);
		free(a->items[i].reply);
		free(a->items[i].mta);
	}
	timer_stop(&a->again);
	queue_route_free(a->route);
	free(a);
	if (d != NULL)
		queue_schedule_ended(d, standing);
}

static void
set_aside_all(struct queue_attempt *a, const char *why)
{
	for (size_t i = 0; i < a->count; i++)
		queue_set_aside(a->items[i].envelope, why);
	if (a->is_flight)
		queue_destination_drop(a->destination);
	queue_attempt_free(a);
}

/* What cannot be read now may be readable later. That says nothing of the destination. */
static void
put_off_all(struct queue_attempt *a, const char *why)
{
	log_error("cannot read a message: %s", why);
	queue_attempt_outcome_all(
	    a, OUTCOME_TEMPORARY, SLICE("4.3.0"), SLICE("the queue cannot read the message now"));
	queue_destination_drop(a->destination);
	a->end = ATTEMPT_ANSWERED;
	queue_settle(a);
}

/* The message's row, until store_done(), and its file if it has one; false: all is settled. */
static bool
load(struct queue_attempt *a, struct store_message *m, int *fd)
{
	enum db_result result = store_find_message(queue.store, a->message->id, m);
	int failure;

	*fd = -1;
	if (result == DB_ERROR) {
		put_off_all(a, store_failure(queue.store));
		return false;
	}
	if (result != DB_ROW) {
		set_aside_all(a, damage_of_message(result));
		return false;
	}
	a->message->body = m->is_file ? BODY_FILE : BODY_INLINE;
	if (!m->is_file)
		return true;
	*fd = spool_open_body(m->id, m->size);
	if (*fd >= 0)
		return true;
	failure = errno;
	store_done(queue.store);
	if (failure == ENOENT)
		set_aside_all(a, "the file of its message is missing, or has another size");
	else
		put_off_all(a, strerror(failure));
	return false;
}

void
queue_attempt_answered(struct queue_attempt *a)
{
	if (a->channel != NULL)
		channel_done(a->channel, a->request);
	a->channel = NULL;
}

static void
on_ended(void *owner, enum channel_end why)
{
	struct queue_attempt *a = owner;

	a->channel = NULL;
	if (why == CHANNEL_LATE)
		a->destination->standing = STANDING_SLOW;
	queue_destination_drop(a->destination);
	a->end = why == CHANNEL_LATE ? ATTEMPT_LATE : ATTEMPT_LOST;
	queue_settle(a);
}

static bool
ask(struct queue_attempt *a, const struct queue_way *way)
{
	struct channel_request r = {
	    .answer = way->answer, .ended = on_ended, .owner = a, .deadline = way->deadline};

	a->request = channel_request(way->channel, &r);
	if (a->request == 0)
		return false;
	a->channel = way->channel;
	return true;
}

/* It did not begin after all: the envelopes are READY again, and nothing happened. */
static void
cancel(struct queue_attempt *a)
{
	queue_destination_drop(a->destination);
	for (size_t i = 0; i < a->count; i++)
		queue_envelope_move(a->items[i].envelope, ENVELOPE_READY);
	queue_attempt_free(a);
}

static void
on_drained(void *owner)
{
	queue_schedule_unblock((uint8_t)(uintptr_t)owner);
}

/* A peer that has much to read gets no more until it has read. */
static bool
is_open(struct channel *c, uint8_t transport)
{
	if (!channel_is_up(c))
		return false;
	if (channel_pending(c) < CHANNEL_HIGH)
		return true;
	channel_when_drained(c, on_drained, (void *)(uintptr_t)transport);
	return false;
}

enum schedule_start
queue_attempt_start(struct queue_destination *d, const struct queue_way *way)
{
	struct queue_attempt *a;
	struct store_message m;
	int fd;

	if (queue_space() == SPACE_NONE || !is_open(way->channel, d->transport))
		return START_BLOCKED;
	a = attempt_new(d, way->most);
	if (a == NULL || !load(a, &m, &fd))
		return START_DONE;
	if (!ask(a, way)) {
		if (fd >= 0)
			close(fd);
		store_done(queue.store);
		cancel(a);
		return START_BLOCKED;
	}
	/* A channel that broke meanwhile ends the request itself. */
	if (!way->send(a, &m, fd) && channel_is_up(way->channel)) {
		queue_attempt_answered(a);
		set_aside_all(a, "a field of it cannot be sent");
	}
	store_done(queue.store);
	return START_DONE;
}

bool
queue_attempt_outcome(struct queue_attempt *a, uint64_t envelope, const struct queue_outcome *said)
{
	for (size_t i = 0; i < a->count; i++) {
		struct queue_item *item = &a->items[i];

		if (item->row.id != envelope)
			continue;
		if (item->has_outcome)
			return false;
		item->has_outcome = true;
		item->outcome = (uint8_t)said->outcome;
		item->has_dsn = said->has_dsn;
		slice_copy(said->status, item->status, sizeof(item->status));
		item->reply = slice_text(said->reply);
		item->mta = slice_text(said->mta);
		return true;
	}
	return false;
}

void
queue_attempt_outcome_all(
    struct queue_attempt *a, enum outcome outcome, struct slice status, struct slice reply)
{
	struct queue_outcome said = {.outcome = outcome, .status = status, .reply = reply};

	for (size_t i = 0; i < a->count; i++)
		queue_attempt_outcome(a, a->items[i].row.id, &said);
}

bool
queue_attempt_is_complete(const struct queue_attempt *a)
{
	for (size_t i = 0; i < a->count; i++) {
		if (!a->items[i].has_outcome)
			return false;
	}
	return true;
}

void
queue_attempt_finish(struct queue_attempt *a, enum qr_destination said)
{
	queue_attempt_answered(a);
	queue_destination_end(a->destination, a->generation, said, loop_now(), arc4random());
	queue_destination_rate(a->destination, said, moment_between(a->began, loop_now()));
	a->end = said == DESTINATION_BUSY ? ATTEMPT_BUSY : ATTEMPT_ANSWERED;
	queue_settle(a);
}
