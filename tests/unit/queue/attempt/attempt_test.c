#include "tests/unit/queue/queue_test.h"

#include "common/base/id.h"
#include "common/ipc/listener_queue.h"
#include "queue/attempt/attempt.h"
#include "queue/hold.h"
#include "queue/space.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

UNIT_SUITE(attempt);

/* Attempts go to a relay that never answers; the test says what became of them. */
static struct {
	int peer;
	struct queue_way way;
	struct queue_attempt *sent;
	size_t bodies;
} t;

/* What is said of the disk's room. */
enum space_state __real_queue_space(void);
enum space_state __wrap_queue_space(void);

static bool is_full;

enum space_state
__wrap_queue_space(void)
{
	return is_full ? SPACE_NONE : __real_queue_space();
}

static bool
send_nothing(const struct queue_attempt *a, const struct store_message *m, int fd)
{
	t.sent = (struct queue_attempt *)(uintptr_t)a;
	if (fd >= 0)
		close(fd);
	return true;
}

static enum schedule_start
start(struct queue_destination *d)
{
	return d->transport == TRANSPORT_RELAY ? queue_attempt_start(d, &t.way) : START_BLOCKED;
}

static bool
never_aged(struct queue_envelope *e)
{
	return false;
}

static void
nothing(void)
{
}

static void
set_up_for(size_t most_requests)
{
	static const struct schedule_calls calls = {start, never_aged};
	struct channel_options o = {.peer = "relay", .most_requests = most_requests};
	int ends[2];

	test_open(&calls);
	queue_space_init(test_folder, nothing);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	t.peer = ends[1];
	t.way = (struct queue_way){.channel = channel_new(ends[0], &o),
	    .most = 100,
	    .deadline = SPAN_SECONDS(60),
	    .send = send_nothing};
}

static void
set_up(void)
{
	set_up_for(0);
}

static void
tear_down(void)
{
	channel_close(t.way.channel);
	close(t.peer);
	test_close();
}

static struct queue_destination *
destination(void)
{
	return queue_destination_find(TRANSPORT_RELAY, 0, SLICE("out"), SLICE("b@y.test"));
}

/* Stores a message to so many recipients, in a file or not, and lets them come due. */
static void
add(struct store_message *row, size_t recipients)
{
	struct queue_message *m = queue_message_new(row->id);

	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_add_message(queue.store, row), DB_DONE);
	for (size_t i = 0; i < recipients; i++) {
		struct store_envelope e = {.id = row->id + i + 1,
		    .message = row->id,
		    .transport = TRANSPORT_RELAY,
		    .notify = NOTIFY_SUCCESS | NOTIFY_FAILURE,
		    .action = SLICE("out"),
		    .address = SLICE("b@y.test"),
		    .original = SLICE("b@y.test"),
		    .written = civil_now()};
		struct queue_envelope *in_memory;

		cr_assert_eq(store_add_envelope(queue.store, &e), DB_DONE);
		in_memory = queue_envelope_new(m, e.id, destination());
		in_memory->notify = e.notify & 15;
	}
	for (struct queue_envelope *e = m->envelopes; e != NULL; e = e->next)
		queue_schedule_add(e, SPAN_MS(0));
	turns_for(10);
}

Test(attempt, a_message_that_cannot_be_read_says_nothing_of_its_destination)
{
	struct store_message row = {
	    .id = 0x100, .sender = SLICE("a@x.test"), .size = 5, .is_file = true};
	char path[96], id[ID_TEXT];
	struct queue_destination *d;

	set_up();
	snprintf(path, sizeof(path), "%s/bodies/00/%s", test_folder, id_format(row.id, id));
	cr_assert_eq(symlink("/nowhere", path), 0);
	d = destination();
	d->is_down = true;
	d->failures = 3;
	add(&row, 1);
	cr_assert_null(t.sent);
	cr_assert_eq(queue_message_find(0x100)->envelopes->state, ENVELOPE_WAITING);
	cr_assert_eq(queue_message_find(0x100)->envelopes->tries, 1);
	cr_assert_eq(d->in_flight, 0);
	cr_assert(d->is_down);
	cr_assert_eq(d->failures, 3);
	tear_down();
}

/* The line to relay has no room for one more request: nothing has begun. */
Test(attempt, what_cannot_be_asked_for_is_ready_again)
{
	struct store_message row = {
	    .id = 0x100, .sender = SLICE("a@x.test"), .size = 1, .octets = SLICE("x")};
	struct queue_attempt *first;

	set_up_for(1);
	add(&row, 1);
	first = t.sent;
	cr_assert_not_null(first);
	row.id = 0x200;
	add(&row, 1);
	cr_assert_eq(t.sent, first);
	cr_assert_eq(queue_message_find(0x200)->envelopes->state, ENVELOPE_READY);
	cr_assert_eq(destination()->in_flight, 1);
	tear_down();
}

/* Its outcome could not be written down, and it would happen twice. */
Test(attempt, without_room_none_begins)
{
	struct store_message row = {
	    .id = 0x100, .sender = SLICE("a@x.test"), .size = 1, .octets = SLICE("x")};

	set_up();
	is_full = true;
	add(&row, 1);
	cr_assert_null(t.sent);
	cr_assert_eq(queue_message_find(0x100)->envelopes->state, ENVELOPE_READY);
	is_full = false;
	queue_schedule_unblock(TRANSPORT_RELAY);
	turns_for(10);
	cr_assert_not_null(t.sent);
	tear_down();
}

static void
on_body(uint64_t id)
{
	t.bodies++;
}

static size_t
bodies(void)
{
	t.bodies = 0;
	for (unsigned i = 0; i < SPOOL_FOLDERS; i++)
		spool_walk_bodies(i, on_body);
	return t.bodies;
}

static void
limit_files(rlim_t most)
{
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = most;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
count_row(void *owner, const struct store_envelope *e)
{
	++*(size_t *)owner;
}

static size_t
rows(void)
{
	uint64_t after = 0;
	size_t n = 0;

	cr_assert_eq(store_scan(queue.store, &after, UINT64_MAX >> 1, 100, count_row, &n), DB_DONE);
	return n;
}

#define SAID(what, code, text) \
	((struct queue_outcome){ \
	    .outcome = (what), .status = SLICE(code), .reply = (text), .mta = SLICE("mx")})

/* Of two reports that are files the second finds no room: the first leaves no file either. */
Test(attempt, what_could_not_be_written_down_leaves_no_report)
{
	enum { HEADER = 65000, LONG_REPLY = 4000, BETWEEN = 67000, RETRY_MS = 2100 };
	static char header[HEADER], reply[LONG_REPLY];
	struct store_message row = {.id = 0x100, .sender = SLICE("a@x.test"), .size = HEADER};

	for (size_t i = 0; i < HEADER; i++)
		header[i] = "X: 45678\r\n"[i % 10];
	memset(reply, 'y', sizeof(reply));
	row.octets = slice_make(header, HEADER);
	set_up();
	signal(SIGXFSZ, SIG_IGN);
	add(&row, 2);
	cr_assert_not_null(t.sent);
	queue_attempt_outcome(t.sent, 0x101, &SAID(OUTCOME_PERMANENT, "5.1.1", SLICE("550 no")));
	queue_attempt_outcome(
	    t.sent, 0x102, &SAID(OUTCOME_RELAYED, "2.0.0", slice_make(reply, sizeof(reply))));
	limit_files(BETWEEN);
	queue_attempt_finish(t.sent, DESTINATION_UP);
	limit_files(RLIM_INFINITY);
	cr_assert_eq(bodies(), 0);
	cr_assert_eq(rows(), 2, "nor a row");
	cr_assert_not_null(queue_message_find(0x100), "it is settled later");
	turns_for(RETRY_MS);
	cr_assert_null(queue_message_find(0x100));
	cr_assert_eq(bodies(), 2);
	cr_assert_eq(rows(), 2);
	tear_down();
}

static struct store_envelope
row_of(uint64_t id)
{
	struct store_envelope row;

	cr_assert_eq(store_find_envelope(queue.store, id, &row), DB_ROW);
	store_done(queue.store);
	return row;
}

/* A restart must find when the next try is, and how old it is. */
Test(attempt, a_try_that_failed_is_written_down)
{
	struct store_message row = {
	    .id = 0x100, .sender = SLICE("a@x.test"), .size = 1, .octets = SLICE("x")};
	struct queue_envelope *e;
	struct store_envelope after;

	set_up();
	add(&row, 1);
	e = queue_message_find(0x100)->envelopes;
	queue_envelope_set_age(e, 1000);
	e->lost = 3;
	cr_assert(queue_attempt_outcome(
	    t.sent, e->id, &SAID(OUTCOME_TEMPORARY, "4.4.1", SLICE("later"))));
	cr_assert_not(queue_attempt_outcome(
			  t.sent, e->id, &SAID(OUTCOME_RELAYED, "2.0.0", SLICE("once more"))),
	    "an envelope has one outcome");
	queue_attempt_finish(t.sent, DESTINATION_UP);
	after = row_of(e->id);
	cr_assert_eq(after.tries, 1);
	cr_assert_geq(after.age, 1000);
	cr_assert_geq(after.next_try, after.written + 50);
	cr_assert_eq(e->tries, 1);
	cr_assert_eq(e->lost, 0, "somebody answered");
	tear_down();
}

Test(attempt, what_is_held_while_it_flies_stays_down)
{
	struct store_message row = {
	    .id = 0x100, .sender = SLICE("a@x.test"), .size = 1, .octets = SLICE("x")};
	struct queue_envelope *e;

	set_up();
	add(&row, 1);
	e = queue_message_find(0x100)->envelopes;
	cr_assert_eq(queue_envelope_hold(e), ACTED_DONE);
	cr_assert_eq(row_of(e->id).hold, HOLD_PERSON);
	queue_attempt_outcome_all(t.sent, OUTCOME_TEMPORARY, SLICE("4.4.1"), SLICE("later"));
	queue_attempt_finish(t.sent, DESTINATION_UP);
	cr_assert_eq(e->state, ENVELOPE_HELD);
	cr_assert_eq(queue_envelope_hurry(e), ACTED_HELD);
	cr_assert_eq(queue_envelope_resume(e), ACTED_DONE);
	cr_assert_eq(row_of(e->id).hold, HOLD_NONE);
	cr_assert_neq(e->state, ENVELOPE_HELD);
	tear_down();
}
