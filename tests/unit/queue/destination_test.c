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

Test(destination, a_busy_one_gets_less)
{
	struct queue_destination *d;

	set_up();
	d = find(TRANSPORT_RELAY, 0, "out", "a@b.test");
	attempt(d, DESTINATION_BUSY, 1000);
	cr_assert_eq(d->limit, 2);
	cr_assert(queue_destination_rests(d, (struct moment){1001}));
	attempt(d, DESTINATION_BUSY, 10000);
	attempt(d, DESTINATION_BUSY, 20000);
	cr_assert_eq(d->limit, 1);
	cr_assert_not(d->is_down);
	queue_destination_wake(d);
	cr_assert_not(queue_destination_rests(d, (struct moment){20001}));
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
