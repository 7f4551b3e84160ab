#include "tests/unit/queue/queue_test.h"

#include "common/ipc/listener_queue.h"
#include "common/mail/date.h"
#include "queue/attempt/removal.h"
#include "queue/attempt/settle.h"
#include "queue/hold.h"
#include "tests/unit/sync.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

UNIT_SUITE(settle);

/* A stored message to so many recipients, READY. */
static struct queue_message *
message(uint64_t id, const char *sender, int recipients, uint8_t notify)
{
	struct store_message row = {
	    .id = id, .sender = slice_of(sender), .size = 1, .octets = SLICE("x")};
	struct queue_message *m = queue_message_new(id);

	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_add_message(queue.store, &row), DB_DONE);
	m->body = BODY_INLINE;
	for (int i = 0; i < recipients; i++) {
		struct store_envelope e = {.id = id + (uint64_t)i + 1,
		    .message = id,
		    .transport = TRANSPORT_RELAY,
		    .notify = notify,
		    .action = SLICE("out"),
		    .address = SLICE("b@y.test"),
		    .original = SLICE("b@y.test"),
		    .written = civil_now()};
		struct queue_envelope *in_memory;

		cr_assert_eq(store_add_envelope(queue.store, &e), DB_DONE);
		in_memory = queue_envelope_new(m, e.id,
		    queue_destination_find(TRANSPORT_RELAY, 0, SLICE("out"), SLICE("b@y.test")));
		in_memory->notify = notify & 15;
		queue_schedule_add(in_memory, SPAN_MS(0));
	}
	return m;
}

/* What an attempt brings for the first envelope of a message that waits. */
static void
outcome(struct queue_message *m, enum outcome o)
{
	struct queue_attempt *a = queue_attempt_of(m->envelopes);

	a->is_flight = false;
	queue_attempt_outcome_all(a, o, SLICE("4.0.0"), SLICE("said"));
	queue_settle(a);
}

static size_t
reports(void)
{
	return queue_destination_find(TRANSPORT_UNROUTED, 0, SLICE(""), SLICE(""))->envelopes;
}

Test(settle, a_message_goes_with_its_last_envelope)
{
	struct queue_message *m;

	test_open(NULL);
	m = message(100, "a@x.test", 2, 0);
	outcome(m, OUTCOME_RELAYED);
	cr_assert(store_has_message(queue.store, 100));
	cr_assert_eq(m->count, 1);
	outcome(m, OUTCOME_RELAYED);
	cr_assert_not(store_has_message(queue.store, 100));
	cr_assert_null(queue_message_find(100));
	cr_assert_eq(reports(), 0);
	test_close();
}

Test(settle, a_failure_leaves_a_report_in_its_place)
{
	test_open(NULL);
	outcome(message(100, "a@x.test", 1, 0), OUTCOME_PERMANENT);
	cr_assert_not(store_has_message(queue.store, 100));
	cr_assert_eq(reports(), 1);
	outcome(message(200, "", 1, 0), OUTCOME_PERMANENT);
	outcome(message(300, "a@x.test", 1, NOTIFY_NEVER), OUTCOME_PERMANENT);
	outcome(message(400, "a@x.test", 1, NOTIFY_SUCCESS), OUTCOME_PERMANENT);
	cr_assert_eq(reports(), 1);
	outcome(message(500, "a@x.test", 1, NOTIFY_SUCCESS), OUTCOME_DELIVERED);
	cr_assert_eq(reports(), 2);
	test_close();
}

Test(settle, age_warns_once_and_ends_only_what_is_stuck)
{
	struct queue_message *m;
	struct queue_envelope *e;

	test_open(NULL);
	m = message(100, "a@x.test", 1, 0);
	e = m->envelopes;
	cr_assert_not(queue_settle_age(e));
	queue_envelope_set_age(e, 20000);
	cr_assert_not(queue_settle_age(e));
	cr_assert_eq(reports(), 0, "not before it was tried");
	e->tries = 1;
	cr_assert_not(queue_settle_age(e));
	cr_assert_eq(reports(), 1);
	cr_assert_not(queue_settle_age(e));
	cr_assert_eq(reports(), 1, "once");
	queue_envelope_set_age(e, 400000);
	cr_assert_not(queue_settle_age(e), "it may be tried right now");
	e->destination->is_down = true;
	cr_assert(queue_settle_age(e));
	cr_assert_not(store_has_message(queue.store, 100));
	cr_assert_eq(reports(), 2);
	test_close();
}

/* What an attempt brings where the destination wants no more of them now. */
static void
find_no_room(struct queue_envelope *e)
{
	struct queue_attempt *a = queue_attempt_of(e);

	queue_envelope_move(e, ENVELOPE_INFLIGHT);
	a->is_flight = true;
	a->generation = queue_destination_begin(e->destination);
	a->standing = queue_schedule_began(e->destination);
	queue_attempt_finish(a, DESTINATION_BUSY);
}

Test(settle, what_found_no_room_was_not_tried_unless_often)
{
	struct queue_envelope *e;
	struct store_envelope row;

	test_open(NULL);
	e = message(100, "a@x.test", 1, 0)->envelopes;
	for (int i = 1; i <= ENVELOPE_BUSY_MOST; i++) {
		find_no_room(e);
		cr_assert_eq(e->state, ENVELOPE_READY);
		cr_assert_eq(e->busy, i);
	}
	cr_assert_eq(store_find_envelope(queue.store, e->id, &row), DB_ROW);
	cr_assert_eq(row.tries, 0);
	store_done(queue.store);
	find_no_room(e);
	cr_assert_eq(e->state, ENVELOPE_WAITING);
	cr_assert_eq(store_find_envelope(queue.store, e->id, &row), DB_ROW);
	cr_assert_eq(row.tries, 1);
	cr_assert(slice_equal_text(row.status, "4.4.5"));
	store_done(queue.store);
	cr_assert_eq(e->busy, 0);
	cr_assert_not(e->destination->is_down);
	e->is_removed = true;
	queue_schedule_add(e, SPAN_MS(0));
	find_no_room(e);
	cr_assert_not(store_has_message(queue.store, 100), "a person removed it meanwhile");
	test_close();
}

/* What an attempt brings whose process went away. */
static void
lose(struct queue_envelope *e)
{
	struct queue_attempt *a = queue_attempt_of(e);

	queue_schedule_add(e, SPAN_MS(0));
	queue_envelope_move(e, ENVELOPE_INFLIGHT);
	a->is_flight = true;
	a->standing = queue_schedule_began(e->destination);
	a->end = ATTEMPT_LOST;
	queue_settle(a);
}

/* Perhaps it is what ends those processes: it must grow too old some day. */
Test(settle, what_is_lost_was_not_tried_unless_often)
{
	struct queue_envelope *e;
	struct store_envelope row;

	test_open(NULL);
	e = message(100, "a@x.test", 1, 0)->envelopes;
	for (int i = 1; i <= ENVELOPE_LOST_MOST; i++) {
		lose(e);
		cr_assert_eq(e->state, ENVELOPE_WAITING);
		cr_assert_eq(e->lost, i);
		cr_assert_eq(e->tries, 0);
	}
	lose(e);
	cr_assert_eq(e->tries, 1);
	cr_assert_eq(e->lost, 0);
	cr_assert_eq(store_find_envelope(queue.store, e->id, &row), DB_ROW);
	cr_assert_eq(row.tries, 1);
	cr_assert(slice_equal_text(row.status, "4.3.0"));
	store_done(queue.store);
	queue_envelope_set_age(e, 400000);
	e->lost = ENVELOPE_LOST_MOST;
	lose(e);
	cr_assert_not(store_has_message(queue.store, 100));
	cr_assert_eq(reports(), 1);
	test_close();
}

static enum schedule_start
start_nothing(struct queue_destination *d)
{
	return START_BLOCKED;
}

/* The mail of a list, at hand when its server went down: all of it gets old at the same time. */
Test(settle, those_at_hand_are_warned_of_in_turns, .timeout = 60)
{
	enum { MANY = 2500 };
	static const struct schedule_calls calls = {start_nothing, queue_settle_age};
	struct queue_envelope *e;
	struct queue_attempt *a;

	test_open(&calls);
	for (uint64_t i = 0; i < MANY; i++)
		queue_envelope_set_age(message(1000 + i * 10, "a@x.test", 1, 0)->envelopes, 20000);
	e = queue_message_find(1000)->envelopes;
	a = queue_attempt_of(e);
	queue_envelope_move(e, ENVELOPE_INFLIGHT);
	a->is_flight = true;
	a->generation = queue_destination_begin(e->destination);
	a->standing = queue_schedule_began(e->destination);
	queue_attempt_outcome_all(a, OUTCOME_TEMPORARY, SLICE("4.4.1"), SLICE("no answer"));
	queue_attempt_finish(a, DESTINATION_DOWN);
	cr_assert_eq(reports(), 1, "its own");
	while (reports() < MANY)
		turns_for(1);
	cr_assert_eq(reports(), MANY);
	test_close();
}

/* As after a restart: nobody has looked at its body yet, and nobody hears of its end. */
Test(settle, what_ends_without_a_report_takes_its_file_along)
{
	struct store_message row = {
	    .id = 0x100, .sender = SLICE("a@x.test"), .size = 4, .is_file = true};
	struct store_envelope e = {.id = 0x101,
	    .message = 0x100,
	    .transport = TRANSPORT_RELAY,
	    .notify = NOTIFY_NEVER,
	    .action = SLICE("out"),
	    .address = SLICE("b@y.test"),
	    .original = SLICE("b@y.test"),
	    .written = civil_now()};
	struct queue_envelope *in_memory;
	int fd;

	test_open(NULL);
	cr_assert(spool_write_body(row.id, SLICE("body")));
	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_add_message(queue.store, &row), DB_DONE);
	cr_assert_eq(store_add_envelope(queue.store, &e), DB_DONE);
	in_memory = queue_envelope_new(queue_message_new(row.id), e.id,
	    queue_destination_find(TRANSPORT_RELAY, 0, SLICE("out"), SLICE("b@y.test")));
	in_memory->notify = NOTIFY_NEVER;
	queue_schedule_add(in_memory, SPAN_MS(0));
	queue_envelope_set_age(in_memory, 400000);
	in_memory->destination->is_down = true;
	cr_assert(queue_settle_age(in_memory));
	cr_assert_not(store_has_message(queue.store, row.id));
	turns_for(300);
	fd = spool_open_body(row.id, row.size);
	cr_assert_lt(fd, 0);
	test_close();
}

/* A disk that fails to read for a moment has not damaged anything. */
Test(settle, a_row_that_cannot_be_read_now_is_tried_again)
{
	struct queue_message *m;
	struct queue_envelope *e;
	char path[96];
	int fd, good, blind;

	test_open(NULL);
	m = message(100, "a@x.test", 1, 0);
	e = m->envelopes;
	store_close(queue.store);
	queue.store = test_open_store(test_folder);
	snprintf(path, sizeof(path), "%s/queue.db", test_folder);
	fd = test_descriptor_of(path);
	good = dup(fd);
	blind = open(path, O_WRONLY);
	cr_assert_eq(dup2(blind, fd), fd);
	cr_assert_null(queue_attempt_of(e));
	cr_assert_eq(e->hold, HOLD_NONE);
	cr_assert_eq(e->state, ENVELOPE_WAITING);
	cr_assert_eq(dup2(good, fd), fd);
	turns_for(1);
	outcome(m, OUTCOME_RELAYED);
	cr_assert_null(queue_message_find(100));
	close(good);
	close(blind);
	test_close();
}

Test(settle, a_row_that_is_gone_is_set_aside)
{
	struct queue_message *m;
	struct queue_envelope *e;

	test_open(NULL);
	m = message(100, "a@x.test", 1, 0);
	e = m->envelopes;
	cr_assert_eq(store_remove_envelope(queue.store, e->id), DB_DONE);
	cr_assert_null(queue_attempt_of(e));
	cr_assert_eq(e->state, ENVELOPE_HELD);
	cr_assert_eq(e->hold, HOLD_DAMAGE);
	test_close();
}

Test(settle, a_row_of_another_message_is_set_aside)
{
	struct queue_envelope *e;

	test_open(NULL);
	message(200, "c@x.test", 1, 0);
	e = queue_envelope_new(message(100, "a@x.test", 1, 0), 201,
	    queue_destination_find(TRANSPORT_RELAY, 0, SLICE("out"), SLICE("b@y.test")));
	queue_schedule_add(e, SPAN_MS(0));
	cr_assert_null(queue_attempt_of(e));
	cr_assert_eq(e->hold, HOLD_DAMAGE);
	test_close();
}

Test(settle, what_is_removed_before_it_begins_goes_with_its_message)
{
	struct queue_envelope *e;

	test_open(NULL);
	e = message(100, "a@x.test", 1, 0)->envelopes;
	queue_schedule_remove(e);
	e->state = ENVELOPE_NEW;
	cr_assert_eq(queue_envelope_remove(e), ACTED_DONE);
	cr_assert_not_null(queue_message_find(100), "its message is not stored yet");
	queue_envelope_begin(e, SPAN_MS(0));
	cr_assert_null(queue_message_find(100));
	cr_assert_not(store_has_message(queue.store, 100));
	test_close();
}

Test(settle, a_warning_says_until_when_it_is_tried)
{
	const struct queue_destination *d;
	struct queue_envelope *e;
	struct store_message report;
	struct slice line = SLICE("");
	struct date until = {0};

	test_open(NULL);
	d = queue_destination_find(TRANSPORT_UNROUTED, 0, SLICE(""), SLICE(""));
	e = message(100, "a@x.test", 1, 0)->envelopes;
	e->tries = 1;
	queue_envelope_set_age(e, 20000);
	queue_settle_age(e);
	turns_for(10);
	e = TAILQ_FIRST(&d->lists[ENVELOPE_READY]);
	cr_assert_not_null(e);
	cr_assert_eq(store_find_message(queue.store, e->message->id, &report), DB_ROW);
	while (!slice_has_prefix(line, SLICE("Will-Retry-Until: ")))
		cr_assert(slice_split(&report.octets, '\n', &line));
	cr_assert(date_parse(slice_trim(slice_from(line, 18)), &until));
	cr_assert_lt(llabs(until.seconds - civil_now() - (queue.rules.ttl - 20000)), 60);
	store_done(queue.store);
	test_close();
}

static void
do_nothing(void *arg)
{
}

static void
stop(void *arg)
{
	loop_stop();
}

/* A server that has it does not know it a second time: that it has, is written down at once. */
Test(settle, what_another_server_has_is_synced_at_once)
{
	struct queue_message *m;
	char wal[96];

	setenv("UV_THREADPOOL_SIZE", "1", 1); /* so that what is begun first ends first */
	test_open(NULL);
	snprintf(wal, sizeof(wal), "%s/queue.db-wal", test_folder);
	m = message(100, "a@x.test", 1, 0);
	turns_for(1);
	sync_forget();
	outcome(m, OUTCOME_RELAYED);
	turns_for(1);
	work_start(do_nothing, stop, NULL);
	loop_run();
	cr_assert(sync_was(wal));
	test_close();
}

/* A cut in between would bring a message back that has no body. */
Test(settle, a_body_outlives_its_row)
{
	struct store_message row = {
	    .id = 0x100, .sender = SLICE("a@x.test"), .size = 4, .is_file = true};
	struct queue_message *m;
	int fd;

	test_open(NULL);
	cr_assert(spool_write_body(row.id, SLICE("body")));
	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_add_message(queue.store, &row), DB_DONE);
	m = queue_message_new(row.id);
	m->body = BODY_FILE;
	turns_for(30);
	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_remove_message(queue.store, row.id), DB_DONE);
	sync_hold(true);
	queue_removal_begin(m);
	turns_for(100);
	fd = spool_open_body(row.id, row.size);
	cr_assert_geq(fd, 0);
	close(fd);
	sync_hold(false);
	while (queue_removal_is_pending(row.id))
		turns_for(10);
	cr_assert_lt(spool_open_body(row.id, row.size), 0);
	test_close();
}

/* Of two recipients one was removed while he was tried: he does not come back after a restart. */
Test(settle, what_is_removed_in_flight_is_written_down)
{
	struct store_envelope row;
	struct queue_message *m;
	uint64_t id;

	test_open(NULL);
	m = message(100, "a@x.test", 2, 0);
	id = m->envelopes->id;
	m->envelopes->is_removed = true;
	outcome(m, OUTCOME_TEMPORARY);
	cr_assert_eq(m->count, 1);
	cr_assert_eq(store_find_envelope(queue.store, id, &row), DB_DONE);
	cr_assert(store_has_message(queue.store, 100));
	test_close();
}

static int failures;

static void
count_failure(void *owner)
{
	failures++;
}

Test(settle, a_body_stays_when_its_row_may_come_back)
{
	struct store_message row = {
	    .id = 0x100, .sender = SLICE("a@x.test"), .size = 4, .is_file = true};
	struct queue_message *m;
	struct error why;
	int fd;

	test_open(NULL);
	store_close(queue.store);
	queue.store = store_open(test_folder, count_failure, &why);
	cr_assert_not_null(queue.store);
	cr_assert(spool_write_body(row.id, SLICE("body")));
	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_add_message(queue.store, &row), DB_DONE);
	m = queue_message_new(row.id);
	m->body = BODY_FILE;
	turns_for(30);
	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_remove_message(queue.store, row.id), DB_DONE);
	sync_fail_at(1);
	queue_removal_begin(m);
	while (queue_removal_is_pending(row.id))
		turns_for(10);
	cr_assert_eq(failures, 1);
	fd = spool_open_body(row.id, row.size);
	cr_assert_geq(fd, 0);
	close(fd);
	test_close();
}
