#include "tests/unit/queue/queue_test.h"

#include <signal.h>

UNIT_SUITE(envelope);

static struct queue_destination *
destination(const char *address)
{
	return queue_destination_find(TRANSPORT_RELAY, 0, SLICE("out"), slice_of(address));
}

Test(envelope, lists_follow_states)
{
	struct queue_message *m;
	struct queue_envelope *e;
	struct queue_destination *d;

	test_open(NULL);
	m = queue_message_new(7);
	d = destination("a@b.test");
	e = queue_envelope_new(m, 8, d);
	cr_assert_eq(d->counts[ENVELOPE_NEW], 1);
	queue_envelope_move(e, ENVELOPE_READY);
	queue_envelope_move(e, ENVELOPE_INFLIGHT);
	cr_assert_eq(d->counts[ENVELOPE_NEW] + d->counts[ENVELOPE_READY], 0);
	cr_assert_eq(TAILQ_FIRST(&d->lists[ENVELOPE_INFLIGHT]), e);
	queue_envelope_move(e, ENVELOPE_DONE);
	queue_envelope_free(e);
	cr_assert_eq(d->envelopes, 0);
	cr_assert_eq(m->count, 0);
	queue_message_free(m);
	cr_assert_null(queue_message_find(7));
	test_close();
}

Test(envelope, the_order_of_recipients_is_kept)
{
	struct queue_message *m;
	struct queue_envelope *e;
	uint64_t id = 10;

	test_open(NULL);
	m = queue_message_new(1);
	for (uint64_t i = 10; i < 15; i++)
		queue_envelope_new(m, i, destination("a@b.test"));
	queue_envelope_free(queue_envelope_find(m, 14));
	queue_envelope_free(queue_envelope_find(m, 10));
	queue_envelope_new(m, 14, destination("a@b.test"));
	for (e = m->envelopes; e != NULL; e = e->next)
		cr_assert_eq(e->id, ++id);
	cr_assert_eq(id, 14);
	test_close();
}

Test(envelope, forbidden_moves_abort, .signal = SIGABRT)
{
	struct queue_envelope *e;

	test_open(NULL);
	e = queue_envelope_new(queue_message_new(1), 2, destination("a@b.test"));
	queue_envelope_move(e, ENVELOPE_HELD);
	queue_envelope_move(e, ENVELOPE_INFLIGHT);
}

Test(envelope, age_is_counted)
{
	struct queue_envelope *e;

	test_open(NULL);
	e = queue_envelope_new(queue_message_new(1), 2, destination("a@b.test"));
	cr_assert_eq(queue_envelope_age(e), 0);
	queue_envelope_set_age(e, 100000);
	cr_assert_eq(queue_envelope_age(e), 100000);
	test_close();
}
