#include "tests/unit/queue/queue_test.h"

#include "common/ipc/any_lookup.h"
#include "common/ipc/listener_queue.h"
#include "queue/attempt/route.h"
#include "queue/space.h"

#include <sys/socket.h>

UNIT_SUITE(route);

enum { REPORT = 0x100, ENVELOPE = REPORT + 1 };

/* A lookup that has one answer. */
static struct {
	struct channel *lookup;
	int named, asked;
	enum al_route_result result;
	const char *reply;
} t;

static void
on_route(void *owner, struct ipc_message *m)
{
	struct al_recipient to = {
	    .transport = TRANSPORT_RELAY, .action = SLICE("out"), .address = SLICE("a@x.test")};
	struct al_route_is is = {.result = (uint8_t)t.result, .reply = slice_of(t.reply)};

	t.asked++;
	for (int i = 0; i < t.named; i++)
		al_recipient_send(m->channel, m->id, &to, -1);
	al_route_is_send(m->channel, m->id, &is, -1);
}

static void
on_down(void *owner)
{
	struct channel **place = owner, *gone = *place;

	*place = NULL;
	channel_close(gone);
}

static enum schedule_start
start(struct queue_destination *d)
{
	return d->transport == TRANSPORT_UNROUTED ? queue_route_start(d) : START_BLOCKED;
}

static bool
never_aged(struct queue_envelope *e)
{
	return false;
}

static void
on_space(void)
{
}

static void
set_up(void)
{
	static const struct schedule_calls calls = {start, never_aged};
	static const struct ipc_handler handlers[] = {{&al_route_schema, on_route}, {NULL, NULL}};
	struct channel_options here = {.peer = "lookup",
	    .answers = queue_route_answers,
	    .down = on_down,
	    .owner = &queue.lookup};
	struct channel_options there = {
	    .peer = "queue", .handlers = handlers, .down = on_down, .owner = &t.lookup};
	int ends[2];

	test_open(&calls);
	queue_space_init(test_folder, on_space);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	queue.lookup = channel_new(ends[0], &here);
	t.lookup = channel_new(ends[1], &there);
	t.reply = "";
}

static void
tear_down(void)
{
	channel_close(queue.lookup);
	channel_close(t.lookup);
	test_close();
}

/* A report, as bounce.c leaves it, and what lookup says of its recipient. */
static struct queue_message *
route(enum al_route_result result, int named)
{
	struct store_message row = {.id = REPORT, .size = 1, .octets = SLICE("x")};
	struct store_envelope e = {.id = ENVELOPE,
	    .message = REPORT,
	    .transport = TRANSPORT_UNROUTED,
	    .notify = NOTIFY_NEVER,
	    .address = SLICE("ann@x.test"),
	    .original = SLICE("ann@x.test"),
	    .written = civil_now()};
	struct queue_message *m = queue_message_new(REPORT);
	struct queue_envelope *in_memory;

	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_add_message(queue.store, &row), DB_DONE);
	cr_assert_eq(store_add_envelope(queue.store, &e), DB_DONE);
	m->body = BODY_INLINE;
	in_memory = queue_envelope_new(
	    m, ENVELOPE, queue_destination_find(TRANSPORT_UNROUTED, 0, SLICE(""), SLICE("")));
	in_memory->notify = NOTIFY_NEVER;
	t.result = result;
	t.named = named;
	queue_schedule_add(in_memory, SPAN_MS(0));
	for (int i = 0; i < 1000 && t.asked == 0; i++)
		turns_for(1);
	turns_for(100);
	return queue_message_find(REPORT);
}

Test(route, a_report_goes_to_all_that_are_named, .init = set_up, .fini = tear_down, .timeout = 120)
{
	const struct queue_message *m = route(ROUTE_OK, LIMIT_EXPANDED);

	cr_assert_not_null(m);
	cr_assert_eq(m->count, LIMIT_EXPANDED);
	cr_assert_null(queue_envelope_find(m, ENVELOPE));
	cr_assert_eq(store_message_of(queue.store, ENVELOPE), 0);
	for (int i = 0; i < 1000 && m->envelopes->state == ENVELOPE_NEW; i++)
		turns_for(1);
	for (const struct queue_envelope *e = m->envelopes; e != NULL; e = e->next) {
		cr_assert_eq(e->state, ENVELOPE_READY);
		cr_assert_eq(store_message_of(queue.store, e->id), REPORT);
	}
}

Test(route, so_many_are_named_and_no_more, .init = set_up, .fini = tear_down, .timeout = 120)
{
	const struct queue_message *m = route(ROUTE_OK, LIMIT_EXPANDED + 1);

	cr_assert_null(queue.lookup, "cut off");
	cr_assert_eq(m->count, 1);
	cr_assert_eq(m->envelopes->id, ENVELOPE);
	cr_assert_eq(m->envelopes->tries, 0);
}

Test(route, what_is_refused_for_now_waits, .init = set_up, .fini = tear_down, .timeout = 120)
{
	const struct queue_message *m;

	t.reply = "451 4.3.0 not today";
	m = route(ROUTE_ERROR, 0);
	cr_assert_not_null(m);
	cr_assert_eq(m->envelopes->state, ENVELOPE_WAITING);
	cr_assert_eq(m->envelopes->tries, 1);
}

Test(route, a_report_that_nobody_takes_goes, .init = set_up, .fini = tear_down, .timeout = 120)
{
	t.reply = "550 5.1.1 never";
	cr_assert_null(route(ROUTE_ERROR, 0));
	cr_assert_not(store_has_message(queue.store, REPORT));
}
