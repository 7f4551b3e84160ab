#include "tests/unit/queue/queue_test.h"

#include "common/ipc/listener_queue.h"
#include "queue/attempt/removal.h"
#include "queue/hold.h"
#include "queue/ids.h"
#include "queue/recover.h"
#include "tests/unit/sync.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

UNIT_SUITE(recover);

enum { MESSAGES = 300, RECIPIENTS = 3 };

/* So that each envelope of a message waits for another time. */
static int64_t
wait_of(uint64_t id)
{
	return (int64_t)(100 + id % 1000);
}

static void
add(uint64_t id)
{
	struct store_message row = {
	    .id = id, .sender = SLICE("a@x.test"), .size = 1, .octets = SLICE("x")};

	cr_assert_eq(store_add_message(queue.store, &row), DB_DONE);
	for (uint64_t i = 1; i <= RECIPIENTS; i++) {
		struct store_envelope e = {.id = id + i,
		    .message = id,
		    .transport = TRANSPORT_RELAY,
		    .tries = 1,
		    .action = SLICE("out"),
		    .address = SLICE("b@y.test"),
		    .original = SLICE("b@y.test"),
		    .next_try = civil_now() + wait_of(id + i),
		    .written = civil_now()};

		cr_assert_eq(store_add_envelope(queue.store, &e), DB_DONE);
	}
}

static void
check(uint64_t id)
{
	const struct queue_message *m = queue_message_find(id);
	int64_t now = civil_now();

	cr_assert_not_null(m);
	cr_assert_eq(m->count, RECIPIENTS);
	for (const struct queue_envelope *e = m->envelopes; e != NULL; e = e->next) {
		int64_t wait = queue_schedule_next_try(e) - now;

		cr_assert_eq(e->state, ENVELOPE_WAITING);
		cr_assert(wait >= wait_of(e->id) - 20 && wait <= wait_of(e->id) + 2,
		    "%llu waits %lld s", (unsigned long long)e->id, (long long)wait);
	}
}

/* What was not read yet must not lose its message when what was read is delivered. */
Test(recover, nothing_begins_of_a_message_that_is_not_read_to_its_end)
{
	uint64_t last = 1000;
	char path[96];
	int fd, good, blind;

	test_open(NULL);
	cr_assert(commit_begin(store_commit(queue.store)));
	for (uint64_t i = 0; i < MESSAGES; i++)
		add(1000 + i * 10);
	store_close(queue.store);
	queue.store = test_open_store(test_folder);
	snprintf(path, sizeof(path), "%s/queue.db", test_folder);
	fd = test_descriptor_of(path);
	good = dup(fd);
	blind = open(path, O_WRONLY);
	queue_recover_start();
	for (int turns = 0; queue_message_find(1000) == NULL && turns < 1000; turns++)
		turns_for(1);
	cr_assert_eq(dup2(blind, fd), fd);
	turns_for(100);
	while (queue_message_find(last + 10) != NULL)
		last += 10;
	cr_assert_lt(last, 1000 + (MESSAGES - 1) * 10, "not all could be read");
	cr_assert_eq(queue_message_find(last)->envelopes->state, ENVELOPE_NEW);
	cr_assert_eq(dup2(good, fd), fd);
	for (int turns = 0; queue_recover_is_busy() && turns < 300; turns++)
		turns_for(10);
	for (uint64_t i = 0; i < MESSAGES; i++)
		check(1000 + i * 10);
	close(good);
	close(blind);
	test_close();
}

/* More than a slice of rows, and its end within a message. */
Test(recover, each_envelope_waits_as_long_as_it_did)
{
	test_open(NULL);
	cr_assert(commit_begin(store_commit(queue.store)));
	for (uint64_t i = 0; i < MESSAGES; i++)
		add(1000 + i * 10);
	queue_recover_start();
	for (int turns = 0; queue_recover_is_busy() && turns < 1000; turns++)
		turns_for(1);
	cr_assert_not(queue_recover_is_busy());
	for (uint64_t i = 0; i < MESSAGES; i++)
		check(1000 + i * 10);
	turns_for(200); /* the sweep that follows */
	test_close();
}

/* Delivered in this run, its row removed but not for good yet: after a power cut it is there again,
 * and must have its file. */
Test(recover, a_file_whose_row_is_going_is_not_swept)
{
	struct queue_message *m;
	struct store_message row = {
	    .id = 1000, .sender = SLICE("a@x.test"), .size = 5, .is_file = true};
	int fd;

	test_open(NULL);
	cr_assert(commit_begin(store_commit(queue.store)));
	add(2000);
	cr_assert(spool_write_body(1000, SLICE("hello")));
	cr_assert(spool_write_body(900, SLICE("of nobody")));
	cr_assert_eq(store_add_message(queue.store, &row), DB_DONE);
	cr_assert_eq(store_add_envelope(queue.store, &(struct store_envelope){.id = 1001,
							 .message = 1000,
							 .transport = TRANSPORT_RELAY,
							 .action = SLICE("out"),
							 .address = SLICE("b@y.test"),
							 .original = SLICE("b@y.test"),
							 .next_try = civil_now() + 100,
							 .written = civil_now()}),
	    DB_DONE);
	queue_recover_start();
	while ((m = queue_message_find(1000)) == NULL || queue_recover_is_busy())
		turns_for(1);
	sync_hold(true);
	cr_assert_eq(queue_envelope_remove(m->envelopes), ACTED_DONE);
	cr_assert_null(queue_message_find(1000));
	cr_assert(queue_removal_is_pending(1000));
	while ((fd = spool_open_body(900, 9)) >= 0) {
		close(fd);
		turns_for(5);
	}
	turns_for(50);
	fd = spool_open_body(1000, 5);
	cr_assert_geq(fd, 0, "the sweep took it");
	close(fd);
	sync_hold(false);
	for (int turns = 0; queue_removal_is_pending(1000) && turns < 500; turns++)
		turns_for(10);
	cr_assert_lt(spool_open_body(1000, 5), 0, "it goes when its row has gone for good");
	test_close();
}

static struct queue_envelope *
envelope(uint64_t message, uint64_t id)
{
	struct queue_envelope *e = queue_message_find(message)->envelopes;

	while (e->id != id)
		e = e->next;
	return e;
}

Test(recover, what_was_asked_for_and_done_lasts)
{
	struct store_message row = {
	    .id = 1000, .sender = SLICE("a@x.test"), .size = 1, .octets = SLICE("x")};
	struct store_envelope e = {.id = 1001,
	    .message = 1000,
	    .transport = TRANSPORT_RELAY,
	    .notify = NOTIFY_NEVER,
	    .warned = 1,
	    .tries = 3,
	    .hold = HOLD_PERSON,
	    .action = SLICE("out"),
	    .address = SLICE("b@y.test"),
	    .original = SLICE("b@y.test"),
	    .next_try = civil_now() + 100000,
	    .age = 500,
	    .written = civil_now()};

	test_open(NULL);
	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_add_message(queue.store, &row), DB_DONE);
	cr_assert_eq(store_add_envelope(queue.store, &e), DB_DONE);
	e.id = 1002;
	e.hold = HOLD_NONE;
	cr_assert_eq(store_add_envelope(queue.store, &e), DB_DONE);
	queue_recover_start();
	while (queue_recover_is_busy())
		turns_for(1);
	for (uint64_t id = 1001; id <= 1002; id++) {
		const struct queue_envelope *in_memory = envelope(1000, id);

		cr_assert_eq(in_memory->notify, NOTIFY_NEVER);
		cr_assert_eq(in_memory->warned, 1);
		cr_assert_eq(in_memory->tries, 3);
		cr_assert_geq(queue_envelope_age(in_memory), 500);
	}
	cr_assert_eq(envelope(1000, 1001)->state, ENVELOPE_HELD);
	cr_assert_leq(queue_schedule_next_try(envelope(1000, 1002)), civil_now() + 3600,
	    "the civil clock may have been wrong");
	turns_for(200); /* the sweep that follows */
	test_close();
}

/* Spoils the pages of the database, which nobody has open, that have a text. */
static void
spoil_pages_with(const char *text)
{
	enum { PAGE = 4096 };
	char path[96], page[PAGE];
	int fd;
	size_t spoilt = 0;

	snprintf(path, sizeof(path), "%s/queue.db", test_folder);
	fd = open(path, O_RDWR);
	for (off_t at = PAGE; pread(fd, page, PAGE, at) == PAGE; at += PAGE) {
		if (slice_search(slice_make(page, PAGE), slice_of(text)) < 0)
			continue;
		memset(page, 0xee, PAGE);
		cr_assert_eq(pwrite(fd, page, PAGE, at), PAGE);
		spoilt++;
	}
	close(fd);
	cr_assert_gt(spoilt, 0);
}

/* Nobody knows what the rows say that could not be read. */
Test(recover, nothing_is_swept_beside_a_damaged_database)
{
	int fd;

	test_open(NULL);
	cr_assert(commit_begin(store_commit(queue.store)));
	for (uint64_t i = 0; i < MESSAGES; i++)
		add(1000 + i * 10);
	store_close(queue.store);
	spoil_pages_with("b@y.test");
	queue.store = test_open_store(test_folder);
	cr_assert(spool_write_body(900, SLICE("of nobody, perhaps")));
	queue_recover_start();
	for (int turns = 0; queue_recover_is_busy() && turns < 1000; turns++)
		turns_for(1);
	cr_assert_not(queue_recover_is_busy());
	turns_for(300);
	fd = spool_open_body(900, 18);
	cr_assert_geq(fd, 0);
	close(fd);
	test_close();
}

/* A message that comes in has its file before it has its row. */
Test(recover, a_file_of_this_run_is_not_swept)
{
	uint64_t id;
	int fd;

	test_open(NULL);
	id = queue_ids_take(1);
	cr_assert(spool_write_body(id, SLICE("hello")));
	cr_assert(spool_write_body(900, SLICE("of nobody")));
	queue_recover_start();
	while ((fd = spool_open_body(900, 9)) >= 0) {
		close(fd);
		turns_for(5);
	}
	turns_for(200);
	fd = spool_open_body(id, 5);
	cr_assert_geq(fd, 0);
	close(fd);
	test_close();
}
