#include "tests/unit/queue/queue_test.h"

UNIT_SUITE(destination);

static const uint32_t middle = 0x80000000U; /* no jitter */

static struct queue_destination *
find(uint8_t transport, uint8_t mailbox, const char *action, const char *address)
{
	return queue_destination_find(transport, mailbox, slice_of(action), slice_of(address));
}

static void
set_up(void)
{
	loop_init();
	queue_destinations_init(NULL);
}

static void
tear_down(void)
{
	queue_destinations_fini();
	loop_fini();
}

Test(destination, what_goes_together)
{
	struct queue_destination *d;

	set_up();
	d = find(TRANSPORT_RELAY, 0, "out", "a@Example.TEST");
	cr_assert_eq(d, find(TRANSPORT_RELAY, 3, "out", "b@example.test"));
	cr_assert_str_eq(d->domain, "example.test");
	cr_assert_neq(d, find(TRANSPORT_RELAY, 0, "other", "a@example.test"));
	cr_assert_neq(d, find(TRANSPORT_RELAY, 0, "out", "a@sub.example.test"));
	cr_assert_eq(find(TRANSPORT_MAILBOX, 1, "local", "a@x.test"),
	    find(TRANSPORT_MAILBOX, 1, "local", "b@y.test"));
	cr_assert_neq(find(TRANSPORT_MAILBOX, 1, "local", "a@x.test"),
	    find(TRANSPORT_MAILBOX, 2, "local", "a@x.test"));
	cr_assert_neq(
	    find(TRANSPORT_AGENT, 0, "home", "ann"), find(TRANSPORT_AGENT, 0, "home", "bob"));
	cr_assert_eq(
	    find(TRANSPORT_AGENT, 1, "home", "ann"), find(TRANSPORT_AGENT, 2, "home", "ann"));
	cr_assert_str_eq(find(TRANSPORT_RELAY, 0, "out", "a@[192.0.2.1]")->domain, "[192.0.2.1]");
	cr_assert_str_eq(find(TRANSPORT_RELAY, 0, "out", "nonsense")->domain, "nonsense");
	tear_down();
}

/* Ends an attempt that began now. */
static void
attempt(struct queue_destination *d, enum qr_destination result, int64_t now)
{
	unsigned generation = queue_destination_begin(d);

	queue_destination_end(d, generation, result, (struct moment){now}, middle);
}

Test(destination, success_widens_it_to_a_limit)
{
	struct queue_destination *d;

	set_up();
	d = find(TRANSPORT_RELAY, 0, "out", "a@b.test");
	cr_assert_eq(d->limit, 5);
	for (int i = 0; i < 100; i++)
		attempt(d, DESTINATION_UP, 1);
	cr_assert_eq(d->limit, 20);
	for (int i = 0; i < 20; i++) {
		cr_assert(queue_destination_has_room(d));
		queue_destination_begin(d);
	}
	cr_assert_not(queue_destination_has_room(d));
	tear_down();
}

Test(destination, an_outage_counts_once_and_is_probed_by_one)
{
	struct queue_destination *d;
	unsigned generation[5];
	struct moment now = {1000};

	set_up();
	d = find(TRANSPORT_RELAY, 0, "out", "a@b.test");
	for (int i = 0; i < 5; i++)
		generation[i] = queue_destination_begin(d);
	for (int i = 0; i < 5; i++)
		queue_destination_end(d, generation[i], DESTINATION_DOWN, now, middle);
	cr_assert_eq(d->failures, 1);
	cr_assert(queue_destination_rests(d, now));
	cr_assert_not(queue_destination_rests(d, (struct moment){1000 + 30000}));
	queue_destination_begin(d);
	cr_assert_not(queue_destination_has_room(d), "one probe");
	queue_destination_end(d, d->generation, DESTINATION_DOWN, (struct moment){31000}, middle);
	cr_assert_eq(d->until.ms, 31000 + 90000, "the next one later");
	attempt(d, DESTINATION_UP, 200000);
	cr_assert_not(d->is_down);
	cr_assert_eq(d->limit, 5);
	cr_assert_not(queue_destination_rests(d, (struct moment){200000}));
	tear_down();
}

Test(destination, its_last_attempt_says_how_it_answers)
{
	struct queue_destination *d;

	set_up();
	d = find(TRANSPORT_RELAY, 0, "out", "a@b.test");
	cr_assert_eq(d->standing, STANDING_NEW);
	queue_destination_rate(d, DESTINATION_BUSY, SPAN_SECONDS(1));
	cr_assert_eq(d->standing, STANDING_NEW, "it said nothing yet");
	queue_destination_rate(d, DESTINATION_UP, SPAN_SECONDS(PROMPT_SECONDS));
	cr_assert_eq(d->standing, STANDING_PROMPT);
	queue_destination_rate(d, DESTINATION_UP, SPAN_SECONDS(PROMPT_SECONDS + 1));
	cr_assert_eq(d->standing, STANDING_SLOW);
	queue_destination_rate(d, DESTINATION_UP, SPAN_SECONDS(1));
	cr_assert_eq(d->standing, STANDING_PROMPT);
	queue_destination_rate(d, DESTINATION_DOWN, SPAN_SECONDS(1));
	cr_assert_eq(d->standing, STANDING_SLOW);
	queue_destination_wake(d);
	cr_assert_eq(d->standing, STANDING_NEW);
	tear_down();
}

/* One of the attempts that have begun ends. */
static void
end(struct queue_destination *d, enum qr_destination result, int64_t now)
{
	queue_destination_end(d, d->generation, result, (struct moment){now}, middle);
}

static void
begin(struct queue_destination *d, unsigned n)
{
	while (n-- > 0) {
		cr_assert(queue_destination_has_room(d));
		queue_destination_begin(d);
	}
	cr_assert_not(queue_destination_has_room(d));
}

/* However many it might have had. */
Test(destination, a_busy_one_gets_no_more_than_it_lets_in)
{
	struct queue_destination *d;

	set_up();
	d = find(TRANSPORT_RELAY, 0, "out", "a@b.test");
	cr_assert_gt(d->limit, 3);
	queue_destination_begin(d);
	queue_destination_begin(d);
	end(d, DESTINATION_BUSY, 1000);
	cr_assert_eq(d->limit, 1);
	tear_down();
}

Test(destination, a_busy_one_gets_less)
{
	struct queue_destination *d;
	unsigned first;

	set_up();
	d = find(TRANSPORT_RELAY, 0, "out", "a@b.test");
	first = d->generation;
	begin(d, 5);
	for (int i = 0; i < 3; i++)
		queue_destination_end(d, first, DESTINATION_BUSY, (struct moment){1000}, middle);
	cr_assert_eq(d->limit, 2, "three of one time are one wish");
	cr_assert(queue_destination_rests(d, (struct moment){1001}));
	cr_assert_not(d->is_down);
	end(d, DESTINATION_UP, 1002);
	cr_assert_not(queue_destination_rests(d, (struct moment){1003}), "the others go on");
	cr_assert_eq(d->limit, 2);
	end(d, DESTINATION_BUSY, 2000);
	cr_assert_eq(d->limit, 1);
	attempt(d, DESTINATION_BUSY, 3000);
	cr_assert_eq(d->limit, 1);
	queue_destination_wake(d);
	cr_assert_not(queue_destination_rests(d, (struct moment){3001}));
	attempt(d, DESTINATION_UP, 3001);
	cr_assert_eq(d->limit, 2, "a person wants it forgotten");
	tear_down();
}

/* So many attempts go on at a time, and end well from some moment to another. */
static void
go_on(struct queue_destination *d, unsigned n, int64_t from, int64_t to)
{
	begin(d, n);
	for (int64_t now = from; now < to; now += 100) {
		end(d, DESTINATION_UP, now);
		queue_destination_begin(d);
	}
	for (; n > 0; n--)
		queue_destination_drop(d);
}

Test(destination, one_more_is_tried_seldom_where_that_was_too_many)
{
	struct queue_destination *d;
	unsigned refused = 0;

	set_up();
	d = find(TRANSPORT_RELAY, 0, "out", "a@b.test");
	begin(d, 5);
	for (int i = 0; i < 3; i++)
		end(d, DESTINATION_BUSY, 0);
	d->limit = 2;
	/* Two are let in, a third never, for two hours. */
	for (int64_t now = 100; now < 7200 * 1000; now += 100) {
		end(d, DESTINATION_UP, now);
		queue_destination_begin(d);
		if (d->limit < 3)
			continue;
		queue_destination_begin(d);
		end(d, DESTINATION_BUSY, now);
		refused++;
		cr_assert_eq(d->limit, 2, "the one that was too many");
	}
	cr_assert(refused >= 3 && refused <= 10, "%u", refused);
	cr_assert(d->refusals > 3);
	tear_down();
}

Test(destination, what_goes_well_again_widens_it_as_before)
{
	struct queue_destination *d;

	set_up();
	d = find(TRANSPORT_RELAY, 0, "out", "a@b.test");
	begin(d, 5);
	end(d, DESTINATION_BUSY, 0);
	for (int i = 0; i < 4; i++)
		end(d, DESTINATION_UP, 1);
	cr_assert_eq(d->limit, 2);
	for (int64_t now = 0; now < 600 * 1000; now += 1000)
		attempt(d, DESTINATION_UP, now);
	cr_assert_eq(d->limit, 2, "what is not used proves nothing");
	go_on(d, 2, 600 * 1000, 600 * 1000 + 200);
	cr_assert_eq(d->limit, 3);
	go_on(d, 3, 601 * 1000, 620 * 1000);
	cr_assert_eq(d->limit, 3);
	go_on(d, 3, 700 * 1000, 700 * 1000 + 200);
	cr_assert(d->limit > 4 && d->refusals == 0);
	tear_down();
}

Test(destination, a_wish_is_remembered_while_nothing_goes_there)
{
	struct queue_destination *d;
	struct moment now, later;

	set_up();
	now = loop_now();
	later = moment_after(now, SPAN_MS(DESTINATION_IDLE_MS + 1));
	d = find(TRANSPORT_RELAY, 0, "out", "a@b.test");
	attempt(d, DESTINATION_BUSY, now.ms + 50000);
	attempt(d, DESTINATION_UP, now.ms + 50001);
	queue_destinations_sweep(later);
	cr_assert_eq(queue_destination_count(), 1);
	queue_destinations_sweep(moment_after(later, SPAN_HOURS(1)));
	cr_assert_eq(queue_destination_count(), 0);
	tear_down();
}

Test(destination, the_idle_are_forgotten_but_not_the_down)
{
	struct queue_destination *d;
	struct moment later;

	set_up();
	later = moment_after(loop_now(), SPAN_MS(DESTINATION_IDLE_MS + 1));
	find(TRANSPORT_RELAY, 0, "out", "a@idle.test");
	d = find(TRANSPORT_RELAY, 0, "out", "a@down.test");
	attempt(d, DESTINATION_DOWN, later.ms);
	cr_assert_eq(queue_destination_count(), 2);
	queue_destinations_sweep(loop_now());
	cr_assert_eq(queue_destination_count(), 2);
	queue_destinations_sweep(later);
	cr_assert_eq(queue_destination_count(), 1);
	cr_assert_eq(d, find(TRANSPORT_RELAY, 0, "out", "a@down.test"));
	queue_destinations_sweep(moment_after(later, SPAN_HOURS(1)));
	cr_assert_eq(queue_destination_count(), 0);
	tear_down();
}
