/*
 * Invariants:
 * 1. An envelope is in the heap if and only if it is WAITING.
 * 2. A destination with READY envelopes is runnable, blocked, resting (in the second heap), or at
 *    its limit; each of these ends in a call that gives it its turn again.
 * 3. Of a transport's places, destinations that are slow have half at most, and with those of which
 *    nothing is known three quarters: silent servers leave room for those that answer.
 * 4. A turn of the loop moves and starts a bounded number, so nobody else is kept waiting.
 */
#include "queue/schedule/schedule.h"

#include "common/base/assert.h"
#include "common/net/loop.h"
#include "queue/schedule/retry.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/resource.h>

enum {
	DUE_A_TURN = 1000,
	STARTS_A_TURN = 64,
	WITHOUT_ACTION_MINUTES = 15,
};

/* The most attempts in flight, whatever the destinations would take, and few enough that of the
 * descriptors that a process is granted half do for what each may cost its peer, a connection and
 * the file of a large message: a peer that has no room for one breaks the line. */
static const size_t most_in_flight[TRANSPORT_COUNT] = {
    [TRANSPORT_MAILBOX] = 2000,
    [TRANSPORT_RELAY] = 1000,
    [TRANSPORT_AGENT] = 40,
    [TRANSPORT_UNROUTED] = 100,
};

TAILQ_HEAD(turns, queue_destination);

static struct {
	struct schedule_calls calls;
	struct heap due;     /* WAITING envelopes */
	struct heap resting; /* destinations with something READY */
	struct turns runnable[TRANSPORT_COUNT][STANDING_COUNT], blocked[TRANSPORT_COUNT];
	size_t in_flight[TRANSPORT_COUNT][STANDING_COUNT], most[TRANSPORT_COUNT];
	unsigned next[TRANSPORT_COUNT]; /* whose turn it is, a standing */
	bool paused[TRANSPORT_COUNT];
	uint32_t most_deferred;
	struct timer timer;
	struct task task;
} schedule;

#define OWNER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static void
enqueue(struct queue_destination *d, enum destination_turn where)
{
	ASSERT(d->where == TURN_NONE);
	d->where = (uint8_t)where;
	d->line = d->standing;
	if (where == TURN_RUNNABLE)
		TAILQ_INSERT_TAIL(&schedule.runnable[d->transport][d->line], d, turn);
	else
		TAILQ_INSERT_TAIL(&schedule.blocked[d->transport], d, turn);
}

static void
dequeue(struct queue_destination *d)
{
	if (d->where == TURN_RUNNABLE)
		TAILQ_REMOVE(&schedule.runnable[d->transport][d->line], d, turn);
	else if (d->where == TURN_BLOCKED)
		TAILQ_REMOVE(&schedule.blocked[d->transport], d, turn);
	d->where = TURN_NONE;
}

void
queue_schedule_kick(struct queue_destination *d)
{
	if (d->counts[ENVELOPE_READY] == 0)
		return;
	heap_remove(&schedule.resting, &d->rest);
	if (d->where == TURN_NONE)
		enqueue(d, TURN_RUNNABLE);
	task_queue(&schedule.task);
}

/* Makes a due envelope READY, unless it is over, or has nowhere to go for the time being. */
static void
come_due(struct queue_envelope *e)
{
	struct queue_destination *d = e->destination;

	if (schedule.calls.aged(e))
		return;
	if (!d->has_action)
		queue_schedule_add(e, SPAN_MINUTES(WITHOUT_ACTION_MINUTES));
	else if (d->is_down && d->counts[ENVELOPE_READY] >= schedule.most_deferred)
		queue_schedule_add(e, retry_delay(&retry_relay, d->failures, arc4random()));
	else
		queue_schedule_add(e, SPAN_MS(0));
}

static void
set_timer(void)
{
	struct heap_node *due = heap_first(&schedule.due), *rest = heap_first(&schedule.resting);
	int64_t first = due == NULL ? INT64_MAX : due->key;

	if (rest != NULL && rest->key < first)
		first = rest->key;
	if (first == INT64_MAX) {
		timer_stop(&schedule.timer);
		return;
	}
	first -= loop_now().ms;
	timer_start(&schedule.timer, SPAN_MS(first < 0 ? 0 : first));
}

/* What has come due; true when there is more of it than one turn may take. */
static bool
take_due(int64_t now)
{
	struct heap_node *node;
	int n = 0;

	while ((node = heap_first(&schedule.resting)) != NULL && node->key <= now) {
		/* What was READY may be held, removed or over by now. */
		heap_remove(&schedule.resting, node);
		queue_schedule_kick(OWNER(node, struct queue_destination, rest));
	}
	while ((node = heap_first(&schedule.due)) != NULL && node->key <= now) {
		if (n++ == DUE_A_TURN)
			return true;
		heap_remove(&schedule.due, node);
		come_due(OWNER(node, struct queue_envelope, due));
	}
	return false;
}

/* Places of a transport that this standing may have at most, with those below it. */
static size_t
share(uint8_t transport, unsigned standing)
{
	return schedule.most[transport] - schedule.most[transport] * standing / 4;
}

static size_t
taken(uint8_t transport, unsigned standing)
{
	size_t n = 0;

	for (unsigned i = standing; i < STANDING_COUNT; i++)
		n += schedule.in_flight[transport][i];
	return n;
}

static bool
has_place(uint8_t transport, unsigned standing)
{
	for (unsigned i = 0; i <= standing; i++) {
		if (taken(transport, i) >= share(transport, i))
			return false;
	}
	return true;
}

/* The next whose turn it is, of each standing that has a place in turn. */
static struct queue_destination *
next_destination(uint8_t transport)
{
	for (unsigned i = 0; i < STANDING_COUNT; i++) {
		unsigned standing = schedule.next[transport]++ % STANDING_COUNT;

		if (!TAILQ_EMPTY(&schedule.runnable[transport][standing]) &&
		    has_place(transport, standing))
			return TAILQ_FIRST(&schedule.runnable[transport][standing]);
	}
	return NULL;
}

/* One destination's turn; returns how many attempts it was. */
static int
run_destination(struct queue_destination *d, struct moment now)
{
	dequeue(d);
	if (d->counts[ENVELOPE_READY] == 0 || !queue_destination_has_room(d))
		return 0;
	if (queue_destination_rests(d, now)) {
		heap_add(&schedule.resting, &d->rest, d->until.ms);
		return 0;
	}
	if (!has_place(d->transport, d->standing)) {
		enqueue(d, TURN_RUNNABLE); /* in another line: its standing is not what it was */
		return 0;
	}
	switch (schedule.calls.start(d)) {
	case START_DONE:
		if (d->where == TURN_NONE)
			enqueue(d, TURN_RUNNABLE);
		break;
	case START_BLOCKED:
		dequeue(d);
		enqueue(d, TURN_BLOCKED);
		break;
	}
	return 1;
}

static bool
run_transport(uint8_t transport, struct moment now)
{
	struct queue_destination *d;
	int budget = STARTS_A_TURN;

	while (!schedule.paused[transport] && (d = next_destination(transport)) != NULL) {
		if (budget <= 0)
			return true;
		budget -= run_destination(d, now);
	}
	return false;
}

static void
run(void *owner)
{
	struct moment now = loop_now();
	bool again = take_due(now.ms);

	for (int i = 0; i < TRANSPORT_COUNT; i++)
		again |= run_transport((uint8_t)i, now);
	if (again)
		task_queue(&schedule.task);
	set_timer();
}

static size_t
at_most(size_t most)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur / 4 >= most)
		return most;
	return files.rlim_cur < 4 ? 1 : (size_t)(files.rlim_cur / 4);
}

void
queue_schedule_init(const struct schedule_calls *calls)
{
	schedule.calls = *calls;
	schedule.most_deferred = 100;
	heap_init(&schedule.due);
	heap_init(&schedule.resting);
	for (int i = 0; i < TRANSPORT_COUNT; i++) {
		for (int j = 0; j < STANDING_COUNT; j++)
			TAILQ_INIT(&schedule.runnable[i][j]);
		TAILQ_INIT(&schedule.blocked[i]);
		schedule.most[i] = at_most(most_in_flight[i]);
	}
	timer_init(&schedule.timer, run, NULL);
	task_init(&schedule.task, run, NULL);
}

void
queue_schedule_fini(void)
{
	timer_stop(&schedule.timer);
	task_cancel(&schedule.task);
	heap_fini(&schedule.due);
	heap_fini(&schedule.resting);
}

void
queue_schedule_set_deferred(uint32_t most)
{
	schedule.most_deferred = most;
}

void
queue_schedule_add(struct queue_envelope *e, struct span wait)
{
	queue_schedule_remove(e);
	if (wait.ms <= 0 && !e->destination->has_action)
		wait = SPAN_MS(1); /* by way of come_due() */
	if (wait.ms <= 0) {
		if (e->state != ENVELOPE_READY)
			queue_envelope_move(e, ENVELOPE_READY);
		queue_schedule_kick(e->destination);
		return;
	}
	if (e->state != ENVELOPE_WAITING)
		queue_envelope_move(e, ENVELOPE_WAITING);
	heap_add(&schedule.due, &e->due, loop_now().ms + wait.ms);
	if (heap_first(&schedule.due) == &e->due)
		task_queue(&schedule.task);
}

void
queue_schedule_remove(struct queue_envelope *e)
{
	heap_remove(&schedule.due, &e->due);
}

int64_t
queue_schedule_next_try(const struct queue_envelope *e)
{
	if (!heap_has(&e->due))
		return 0;
	return civil_now() + (e->due.key - loop_now().ms) / 1000;
}

void
queue_schedule_unblock(uint8_t transport)
{
	struct queue_destination *d;

	while ((d = TAILQ_FIRST(&schedule.blocked[transport])) != NULL) {
		dequeue(d);
		enqueue(d, TURN_RUNNABLE);
	}
	task_queue(&schedule.task);
}

void
queue_schedule_pause(uint8_t transport, bool paused)
{
	schedule.paused[transport] = paused;
	if (!paused)
		task_queue(&schedule.task);
}

bool
queue_schedule_is_paused(uint8_t transport)
{
	return schedule.paused[transport];
}

uint8_t
queue_schedule_began(struct queue_destination *d)
{
	schedule.in_flight[d->transport][d->standing]++;
	return d->standing;
}

void
queue_schedule_ended(struct queue_destination *d, uint8_t standing)
{
	ASSERT(schedule.in_flight[d->transport][standing] > 0);
	schedule.in_flight[d->transport][standing]--;
	queue_schedule_kick(d);
	task_queue(&schedule.task);
}

bool
queue_schedule_is_short(const struct queue_destination *d)
{
	return taken(d->transport, d->standing) * 4 >= share(d->transport, d->standing);
}

size_t
queue_schedule_in_flight(uint8_t transport)
{
	return taken(transport, 0);
}
