#include "tests/unit/queue/queue_test.h"

#include <stdio.h>

UNIT_SUITE(schedule);

static struct {
	int started, aged;
	struct queue_destination *order[64];
	enum schedule_start answer;
	bool is_over, was_short;
	uint8_t standing[6000]; /* whose place an envelope has */
} t;

/* An attempt that takes one envelope into flight. */
static enum schedule_start
start(struct queue_destination *d)
{
	if (t.answer == START_DONE) {
		struct queue_envelope *e = TAILQ_FIRST(&d->lists[ENVELOPE_READY]);

		queue_envelope_move(e, ENVELOPE_INFLIGHT);
		queue_destination_begin(d);
		t.was_short = queue_schedule_is_short(d);
		t.standing[e->id] = queue_schedule_began(d);
	}
	t.order[t.started++ % 64] = d;
	return t.answer;
}

static bool
aged(struct queue_envelope *e)
{
	t.aged++;
	return t.is_over;
}

static const struct schedule_calls calls = {start, aged};

static struct queue_envelope *
add(uint64_t id, const char *address, int64_t wait)
{
	struct queue_envelope *e = queue_envelope_new(queue_message_new(id), id,
	    queue_destination_find(TRANSPORT_RELAY, 0, SLICE("out"), slice_of(address)));

	queue_schedule_add(e, SPAN_MS(wait));
	return e;
}

static void
land(struct queue_destination *d, enum qr_destination said)
{
	struct queue_envelope *e = TAILQ_FIRST(&d->lists[ENVELOPE_INFLIGHT]);
	uint8_t standing = t.standing[e->id];

	queue_destination_end(d, d->generation, said, loop_now(), 0);
	queue_envelope_move(e, ENVELOPE_DONE);
	queue_envelope_free(e);
	queue_schedule_ended(d, standing);
}

static void
set_up(void)
{
	memset(&t, 0, sizeof(t));
	t.answer = START_DONE;
	test_open(&calls);
}

Test(schedule, due_ones_start_and_others_wait)
{
	struct queue_envelope *later;

	set_up();
	add(1, "a@b.test", 0);
	later = add(2, "a@c.test", 60000);
	add(3, "a@d.test", 2000);
	turns_for(10);
	cr_assert_eq(t.started, 1);
	cr_assert_eq(later->state, ENVELOPE_WAITING);
	cr_assert_leq(queue_schedule_next_try(later) - civil_now(), 60);
	turns_for(2000);
	cr_assert_eq(t.started, 2);
	cr_assert_eq(t.aged, 1, "one came out of the heap");
	test_close();
}

Test(schedule, destinations_take_turns_and_keep_their_limit)
{
	struct queue_destination *b, *c;

	set_up();
	for (uint64_t i = 0; i < 10; i++)
		add(i + 1, "a@b.test", 0);
	for (uint64_t i = 0; i < 2; i++)
		add(i + 20, "a@c.test", 0);
	turns_for(5);
	b = queue_destination_find(TRANSPORT_RELAY, 0, SLICE("out"), SLICE("x@b.test"));
	c = queue_destination_find(TRANSPORT_RELAY, 0, SLICE("out"), SLICE("x@c.test"));
	cr_assert_eq(b->in_flight, 5);
	cr_assert_eq(c->in_flight, 2);
	cr_assert_eq(t.order[0], b);
	cr_assert_eq(t.order[1], c);
	cr_assert_eq(t.order[2], b);
	land(b, DESTINATION_UP);
	turns_for(5);
	cr_assert_eq(b->in_flight, 6, "one landed, and one more is allowed");
	test_close();
}

Test(schedule, a_blocked_way_is_tried_when_it_opens)
{
	set_up();
	t.answer = START_BLOCKED;
	add(1, "a@b.test", 0);
	turns_for(5);
	cr_assert_eq(t.started, 1);
	add(2, "b@b.test", 0);
	turns_for(5);
	cr_assert_eq(t.started, 1, "nobody runs against a closed door");
	t.answer = START_DONE;
	queue_schedule_unblock(TRANSPORT_RELAY);
	turns_for(5);
	cr_assert_eq(t.started, 3);
	test_close();
}

Test(schedule, a_pause_stops_what_would_begin)
{
	set_up();
	queue_schedule_pause(TRANSPORT_RELAY, true);
	add(1, "a@b.test", 0);
	turns_for(5);
	cr_assert_eq(t.started, 0);
	queue_schedule_pause(TRANSPORT_RELAY, false);
	turns_for(5);
	cr_assert_eq(t.started, 1);
	test_close();
}

Test(schedule, what_is_down_keeps_only_some_at_hand)
{
	struct queue_destination *d;

	set_up();
	queue_schedule_set_deferred(3);
	add(1, "a@b.test", 0);
	turns_for(5);
	d = queue_destination_find(TRANSPORT_RELAY, 0, SLICE("out"), SLICE("x@b.test"));
	land(d, DESTINATION_DOWN);
	for (uint64_t i = 0; i < 10; i++)
		add(i + 10, "a@b.test", 1);
	turns_for(30);
	cr_assert_eq(t.started, 1, "it rests");
	cr_assert_eq(d->counts[ENVELOPE_READY], 3);
	cr_assert_eq(d->counts[ENVELOPE_WAITING], 7);
	queue_destination_wake(d);
	queue_schedule_kick(d);
	turns_for(5);
	cr_assert_eq(t.started, 4);
	test_close();
}

/* Somebody holds, removes or expires what waits for the rest to end. */
Test(schedule, a_rest_that_nothing_waits_for_ends, .timeout = 20)
{
	struct queue_destination *d;
	struct queue_envelope *e;

	set_up();
	add(1, "a@b.test", 0);
	turns_for(5);
	d = queue_destination_find(TRANSPORT_RELAY, 0, SLICE("out"), SLICE("x@b.test"));
	land(d, DESTINATION_DOWN);
	d->until = moment_after(loop_now(), SPAN_SECONDS(2));
	e = add(2, "a@b.test", 0);
	turns_for(5);
	cr_assert_eq(t.started, 1, "it rests");
	queue_envelope_move(e, ENVELOPE_HELD);
	turns_for(2000);
	queue_schedule_add(e, SPAN_MS(0));
	turns_for(5);
	cr_assert_eq(t.started, 2);
	test_close();
}

Test(schedule, one_without_an_action_waits)
{
	struct queue_envelope *e;

	set_up();
	queue_destination_find(TRANSPORT_RELAY, 0, SLICE("out"), SLICE("a@b.test"))->has_action =
	    false;
	e = add(1, "a@b.test", 0);
	turns_for(10);
	cr_assert_eq(t.started, 0);
	cr_assert_eq(e->state, ENVELOPE_WAITING);
	cr_assert_eq(t.aged, 1, "its age was looked at");
	test_close();
}

/* Many at once are taken in slices, and none is left behind. */
Test(schedule, thousands_come_due_together)
{
	static const int many = 5000;
	struct hash_walk walk = {0};
	struct queue_destination *d;
	size_t inflight = 0;

	set_up();
	for (int i = 0; i < many; i++) {
		char address[32];

		snprintf(address, sizeof(address), "a@d%d.test", i % 1500);
		add((uint64_t)i + 1, address, 1);
	}
	turns_for(200);
	while (queue_destination_next(&walk, &d))
		inflight += d->counts[ENVELOPE_INFLIGHT];
	cr_assert_eq(inflight, 750, "the most at a time of those of which nothing is known");
	cr_assert_eq(queue_schedule_in_flight(TRANSPORT_RELAY), 750);
	test_close();
}

/* Gives so many destinations of that standing something to send, each one message. */
static void
add_many(uint64_t first, unsigned n, enum destination_standing standing)
{
	for (unsigned i = 0; i < n; i++) {
		char address[32];

		snprintf(address, sizeof(address), "a@s%d-%u.test", standing, i);
		queue_destination_find(TRANSPORT_RELAY, 0, SLICE("out"), slice_of(address))
		    ->standing = (uint8_t)standing;
		add(first + i, address, 0);
	}
	turns_for(100);
}

Test(schedule, slow_ones_leave_places_to_new_ones_and_those_to_prompt_ones)
{
	struct queue_destination *slow;

	set_up();
	add_many(1, 125, STANDING_SLOW);
	cr_assert_eq(t.started, 125);
	cr_assert_not(t.was_short, "a quarter of their share is for those that are patient");
	add_many(501, 600, STANDING_SLOW);
	cr_assert_eq(t.started, 500, "half of all");
	cr_assert(t.was_short);
	add_many(1501, 600, STANDING_NEW);
	cr_assert_eq(t.started, 750);
	add_many(2501, 600, STANDING_PROMPT);
	cr_assert_eq(t.started, 1000);
	cr_assert_eq(queue_schedule_in_flight(TRANSPORT_RELAY), 1000);

	/* A place that is given back is somebody's at once. */
	slow = queue_destination_find(TRANSPORT_RELAY, 0, SLICE("out"), SLICE("a@s2-0.test"));
	land(slow, DESTINATION_UP);
	turns_for(5);
	cr_assert_eq(t.started, 1001);
	cr_assert_eq(queue_schedule_in_flight(TRANSPORT_RELAY), 1000);
	test_close();
}

Test(schedule, one_whose_standing_changed_waits_in_another_line)
{
	struct queue_destination *d;

	set_up();
	queue_schedule_pause(TRANSPORT_RELAY, true);
	add_many(1, 600, STANDING_PROMPT);
	for (unsigned i = 0; i < 600; i++) {
		char address[32];

		snprintf(address, sizeof(address), "a@s%d-%u.test", STANDING_PROMPT, i);
		d = queue_destination_find(TRANSPORT_RELAY, 0, SLICE("out"), slice_of(address));
		d->standing = STANDING_SLOW;
	}
	queue_schedule_pause(TRANSPORT_RELAY, false);
	turns_for(100);
	cr_assert_eq(t.started, 500);
	test_close();
}
