#include "tests/unit/queue/queue_test.h"

#include <stddef.h>
#include <stdio.h>

UNIT_SUITE(store);

static int answered;

static void
on_done(void *owner, bool ok)
{
	cr_assert(ok);
	answered++;
	loop_stop();
}

static void
sync_store(void)
{
	int before = answered;

	commit_wait(store_commit(queue.store), on_done, NULL);
	while (answered == before)
		loop_run();
}

static struct store_message
message(uint64_t id)
{
	return (struct store_message){.id = id,
	    .arrival = 1000,
	    .sender = SLICE("a@b.test"),
	    .envid = SLICE("e"),
	    .flags = 1,
	    .ret = 2,
	    .size = 5,
	    .octets = SLICE("hel\0o")};
}

static struct store_envelope
envelope(uint64_t id, uint64_t of)
{
	return (struct store_envelope){.id = id,
	    .message = of,
	    .transport = TRANSPORT_RELAY,
	    .notify = 3,
	    .action = SLICE("out"),
	    .address = SLICE("c@d.test"),
	    .original = SLICE("o@d.test"),
	    .orcpt = SLICE("rfc822;o@d.test"),
	    .next_try = 5,
	    .written = 6};
}

static void
add(uint64_t id)
{
	struct store_message m = message(id);
	struct store_envelope e = envelope(id + 1, id);

	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_add_message(queue.store, &m), DB_DONE);
	cr_assert_eq(store_add_envelope(queue.store, &e), DB_DONE);
}

/* The files as they are now, as if the machine had stopped: read from a copy of them. */
static struct store *
after_crash(void)
{
	char copy[80], command[256];

	snprintf(copy, sizeof(copy), "%s/copy", test_folder);
	snprintf(
	    command, sizeof(command), "mkdir %s && cp %s/queue.db* %s", copy, test_folder, copy);
	cr_assert_eq(system(command), 0);
	return test_open_store(copy);
}

Test(store, what_was_written_is_read)
{
	struct store_message m;
	struct store_envelope e;

	test_open(NULL);
	add(10);
	cr_assert_eq(store_find_message(queue.store, 10, &m), DB_ROW);
	cr_assert_eq(m.octets.len, 5);
	cr_assert_eq(memcmp(m.octets.data, "hel\0o", 5), 0);
	cr_slice_eq(m.sender, "a@b.test");
	cr_assert_eq(m.flags + m.ret, 3);
	cr_assert_not(m.is_file);
	cr_assert_eq(store_find_envelope(queue.store, 11, &e), DB_ROW, "while the message is held");
	cr_slice_eq(e.orcpt, "rfc822;o@d.test");
	cr_slice_eq(m.envid, "e");
	store_done(queue.store);
	cr_assert_eq(store_find_message(queue.store, 11, &m), DB_DONE);
	cr_assert_eq(store_find_envelope(queue.store, 10, &e), DB_DONE);
	test_close();
}

Test(store, an_id_is_taken_once)
{
	struct store_message m = message(10);
	struct store_envelope e = envelope(11, 10);

	test_open(NULL);
	add(10);
	cr_assert_eq(store_add_message(queue.store, &m), DB_CONSTRAINT);
	cr_assert_eq(store_add_envelope(queue.store, &e), DB_CONSTRAINT);
	test_close();
}

Test(store, a_crash_keeps_what_was_answered_and_no_half)
{
	struct store *s;
	struct store_message m;
	struct store_envelope e;

	test_open(NULL);
	add(10);
	sync_store();
	add(20); /* in a transaction that never ends */
	s = after_crash();
	cr_assert_eq(store_find_message(s, 10, &m), DB_ROW);
	cr_assert_eq(store_find_envelope(s, 11, &e), DB_ROW);
	store_done(s);
	cr_assert_eq(store_find_message(s, 20, &m), DB_DONE);
	cr_assert_eq(store_find_envelope(s, 21, &e), DB_DONE);
	store_close(s);
	test_close();
}

Test(store, a_change_is_taken_back_alone)
{
	struct store_message m;

	test_open(NULL);
	add(10);
	cr_assert(commit_save(store_commit(queue.store)));
	add(20);
	queue_undo();
	sync_store();
	cr_assert(store_has_message(queue.store, 10));
	cr_assert_not(store_has_message(queue.store, 20));
	cr_assert_eq(store_find_message(queue.store, 20, &m), DB_DONE);
	test_close();
}

Test(store, a_try_changes_the_row)
{
	struct store_envelope e;

	test_open(NULL);
	add(10);
	e = (struct store_envelope){.id = 11,
	    .tries = 3,
	    .next_try = 99,
	    .age = 7,
	    .written = 8,
	    .warned = 1,
	    .status = SLICE("4.4.1"),
	    .reply = SLICE("no"),
	    .mta = SLICE("mx")};
	cr_assert_eq(store_change_envelope(queue.store, &e), DB_DONE);
	cr_assert_eq(store_hold_envelope(queue.store, 11, HOLD_PERSON), DB_DONE);
	cr_assert_eq(store_find_envelope(queue.store, 11, &e), DB_ROW);
	cr_assert_eq(e.tries, 3);
	cr_assert_eq(e.hold, HOLD_PERSON);
	cr_assert_eq(e.next_try, 99);
	cr_slice_eq(e.reply, "no");
	cr_slice_eq(e.address, "c@d.test");
	store_done(queue.store);
	test_close();
}

static size_t seen;

static void
each(void *owner, const struct store_envelope *e, struct slice sender)
{
	cr_slice_eq(sender, "a@b.test");
	seen++;
}

Test(store, scans_go_in_slices)
{
	uint64_t after = 0;

	test_open(NULL);
	for (uint64_t i = 1; i <= 25; i++)
		add(i * 10);
	cr_assert_eq(store_scan_with_sender(queue.store, &after, 241, 10, each, NULL), DB_ROW);
	cr_assert_eq(after, 101);
	cr_assert_eq(store_scan_with_sender(queue.store, &after, 241, 10, each, NULL), DB_ROW);
	cr_assert_eq(store_scan_with_sender(queue.store, &after, 241, 10, each, NULL), DB_DONE);
	cr_assert_eq(seen, 23);
	test_close();
}

Test(store, rows_that_cannot_be_are_told)
{
	static const struct {
		size_t offset;
		uint8_t value;
	} octets[] = {
	    {offsetof(struct store_envelope, transport), 4},
	    {offsetof(struct store_envelope, mailbox), 64},
	    {offsetof(struct store_envelope, notify), 16},
	    {offsetof(struct store_envelope, hold), HOLD_REMOVED + 1},
	    {offsetof(struct store_envelope, warned), 9},
	};
	struct store_envelope e = envelope(1, 2);

	cr_assert(store_envelope_is_sane(&e));
	for (size_t i = 0; i < sizeof(octets) / sizeof(octets[0]); i++) {
		e = envelope(1, 2);
		((uint8_t *)&e)[octets[i].offset] = octets[i].value;
		cr_assert_not(store_envelope_is_sane(&e), "case %zu", i);
	}
	e = envelope(1, 2);
	e.action = SLICE("");
	cr_assert_not(store_envelope_is_sane(&e));
	e.transport = TRANSPORT_UNROUTED;
	cr_assert(store_envelope_is_sane(&e));
	e.address = SLICE("");
	cr_assert_not(store_envelope_is_sane(&e));
	e.address = SLICE("\xff@b.test");
	cr_assert_not(store_envelope_is_sane(&e), "not UTF-8");
}

/* What is shown of an envelope whose message is gone. */
Test(store, an_envelope_outlives_the_search_for_a_message)
{
	struct store_envelope e = envelope(1, 2), found;
	struct store_message m;

	test_open(NULL);
	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_add_envelope(queue.store, &e), DB_DONE);
	cr_assert_eq(store_find_envelope(queue.store, e.id, &found), DB_ROW);
	cr_assert_eq(store_find_message(queue.store, 12345, &m), DB_DONE);
	cr_assert(slice_equal(found.address, e.address));
	cr_assert(slice_equal(found.original, e.original));
	store_done(queue.store);
	test_close();
}

/* A person names it by its id, to have it removed. */
Test(store, a_damaged_envelope_has_a_message_still)
{
	struct store_envelope e = envelope(1, 2), found;

	e.notify = 255;
	test_open(NULL);
	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_add_envelope(queue.store, &e), DB_DONE);
	cr_assert_eq(store_find_envelope(queue.store, e.id, &found), DB_CORRUPT);
	cr_assert_eq(store_message_of(queue.store, e.id), e.message);
	cr_assert_eq(store_message_of(queue.store, e.id + 1), 0);
	test_close();
}

/* Octets that are not as many as the row says are no message. */
Test(store, a_message_that_lost_octets_is_told)
{
	struct store_message found, row = {.id = 100, .sender = SLICE("a@x.test"), .size = 2};

	row.octets = SLICE("xy");
	test_open(NULL);
	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_add_message(queue.store, &row), DB_DONE);
	cr_assert_eq(store_find_message(queue.store, 100, &found), DB_ROW);
	store_done(queue.store);
	row.id = 200;
	row.octets = SLICE("x");
	cr_assert_eq(store_add_message(queue.store, &row), DB_DONE);
	cr_assert_eq(store_find_message(queue.store, 200, &found), DB_CORRUPT);
	test_close();
}

Test(store, ids_outlive_runs_and_what_is_taken_back)
{
	uint64_t last, next;

	test_open(NULL);
	last = queue_ids_take(1000) + 999;
	cr_assert_gt(last, queue_ids_floor());
	store_close(queue.store);
	queue.store = test_open_store(test_folder);
	cr_assert(queue_ids_init(queue.store));
	cr_assert_gt(queue_ids_floor(), last);
	next = queue_ids_take(1);
	cr_assert_gt(next, queue_ids_floor());

	/* The mark that is written inside a change which is taken back is written again. */
	queue_ids_undone();
	cr_assert(commit_save(store_commit(queue.store)));
	queue_ids_take(5);
	queue_undo();
	last = queue_ids_take(1);
	cr_assert_geq(store_setting(queue.store, "ids"), last);
	test_close();
}

Test(store, settings_are_kept)
{
	test_open(NULL);
	cr_assert_eq(store_setting(queue.store, "paused"), 0);
	cr_assert_eq(store_set(queue.store, "paused", 3), DB_DONE);
	cr_assert_eq(store_set(queue.store, "paused", 5), DB_DONE);
	cr_assert_eq(store_setting(queue.store, "paused"), 5);
	test_close();
}
