#include "tests/unit/queue/queue_test.h"

#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/ipc/listener_queue.h"
#include "queue/attempt/bounce.h"

#include <errno.h>
#include <unistd.h>

UNIT_SUITE(bounce);

/* A disk that gives a little of a file, and then no more. */
ssize_t __real_read(int fd, void *room, size_t size);
ssize_t __wrap_read(int fd, void *room, size_t size);

static bool is_breaking, is_broken;
static size_t octets_read;

ssize_t
__wrap_read(int fd, void *room, size_t size)
{
	ssize_t n;

	if (is_breaking && is_broken) {
		errno = EIO;
		return -1;
	}
	is_broken = is_breaking;
	n = __real_read(fd, room, is_breaking && size > 4096 ? 4096 : size);
	octets_read += n > 0 ? (size_t)n : 0;
	return n;
}

/* RFC 3461 4.1, and 5.2 for what happens when NOTIFY was not given. */
Test(bounce, notify_decides)
{
	static const struct {
		uint8_t notify;
		bool failed, delayed, delivered;
	} cases[] = {
	    {0, true, true, false},
	    {NOTIFY_NEVER, false, false, false},
	    {NOTIFY_SUCCESS, false, false, true},
	    {NOTIFY_FAILURE, true, false, false},
	    {NOTIFY_DELAY, false, true, false},
	    {NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY, true, true, true},
	    {NOTIFY_NEVER | NOTIFY_FAILURE, false, false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(
		    bounce_is_wanted(cases[i].notify, DSN_FAILED), cases[i].failed, "case %zu", i);
		cr_assert_eq(bounce_is_wanted(cases[i].notify, DSN_DELAYED), cases[i].delayed,
		    "case %zu", i);
		cr_assert_eq(bounce_is_wanted(cases[i].notify, DSN_DELIVERED), cases[i].delivered,
		    "case %zu", i);
		cr_assert_eq(bounce_is_wanted(cases[i].notify, DSN_RELAYED), cases[i].delivered,
		    "case %zu", i);
	}
}

static const struct dsn_recipient bad = {
    .final = {"bad@y.test", 10}, .status = {"5.1.1", 5}, .diagnostic = {"550 no", 6}};

static struct store_message
message(struct slice sender, struct slice octets)
{
	return (struct store_message){
	    .id = 1, .arrival = 1000, .sender = sender, .size = octets.len, .octets = octets};
}

Test(bounce, a_report_is_a_message_without_a_way)
{
	struct store_message m = message(SLICE("a@x.test"), SLICE("Subject: s\r\n\r\nbody\r\n")),
			     row;
	struct store_envelope e;
	struct bounce b = {0};
	struct queue_message *in_memory;

	test_open(NULL);
	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(queue_bounce_store(&b, &m, DSN_FAILED, &bad, 1), DB_DONE);
	cr_assert_neq(b.message, 0);
	cr_assert_eq(store_find_message(queue.store, b.message, &row), DB_ROW);
	cr_assert_eq(row.sender.len, 0, "the null reverse-path");
	cr_assert_geq(slice_search(row.octets, SLICE("bad@y.test")), 0);
	cr_assert_geq(slice_search(row.octets, SLICE("body")), 0);
	cr_assert_eq(store_find_envelope(queue.store, b.envelope, &e), DB_ROW);
	cr_assert_eq(e.transport, TRANSPORT_UNROUTED);
	cr_assert_eq(e.notify, NOTIFY_NEVER);
	cr_slice_eq(e.address, "a@x.test");
	store_done(queue.store);
	queue_bounce_begin(&b);
	in_memory = queue_message_find(b.message);
	cr_assert_not_null(in_memory);
	cr_assert_eq(in_memory->envelopes->state, ENVELOPE_READY);
	test_close();
}

/* Of a file no more is read than a report can hold. */
Test(bounce, of_what_is_too_long_the_fields_return_alone)
{
	static const char fields[] = "Subject: s\r\n\r\n";
	struct store_message m = message(SLICE("a@x.test"), SLICE("")), row;
	struct bounce b = {0};
	struct buf octets = {0};

	test_open(NULL);
	buf_add_text(&octets, fields);
	while (octets.len < 20 * LIMIT_RETURNED)
		buf_add_text(&octets, "a line of the body\r\n");
	m.is_file = true;
	m.size = octets.len;
	cr_assert(spool_write_body(m.id, buf_slice(&octets)));
	cr_assert(commit_begin(store_commit(queue.store)));
	octets_read = 0;
	cr_assert_eq(queue_bounce_store(&b, &m, DSN_FAILED, &bad, 1), DB_DONE);
	cr_assert_leq(octets_read, 2 * LIMIT_RETURNED);
	cr_assert_eq(store_find_message(queue.store, b.message, &row), DB_ROW);
	cr_assert_geq(slice_search(row.octets, SLICE("text/rfc822-headers")), 0);
	cr_assert_geq(slice_search(row.octets, SLICE("Subject: s")), 0);
	cr_assert_lt(slice_search(row.octets, SLICE("a line of the body")), 0);
	store_done(queue.store);
	queue_bounce_begin(&b);
	buf_fini(&octets);
	test_close();
}

/* The beginning must not pass for the message. */
Test(bounce, of_what_the_disk_gives_in_part_the_fields_return_alone)
{
	struct store_message m = message(SLICE("a@x.test"), SLICE("")), row;
	struct bounce b = {0};
	struct buf octets = {0};

	test_open(NULL);
	buf_add_text(&octets, "Subject: s\r\n\r\n");
	while (octets.len <= LIMIT_INLINE)
		buf_add_text(&octets, "a line of the body\r\n");
	m.is_file = true;
	m.size = octets.len;
	cr_assert(spool_write_body(m.id, buf_slice(&octets)));
	cr_assert(commit_begin(store_commit(queue.store)));
	is_breaking = true;
	cr_assert_eq(queue_bounce_store(&b, &m, DSN_FAILED, &bad, 1), DB_DONE);
	is_breaking = false;
	cr_assert_eq(store_find_message(queue.store, b.message, &row), DB_ROW);
	cr_assert_geq(slice_search(row.octets, SLICE("text/rfc822-headers")), 0);
	cr_assert_lt(slice_search(row.octets, SLICE("a line of the body")), 0);
	store_done(queue.store);
	queue_bounce_begin(&b);
	buf_fini(&octets);
	test_close();
}

Test(bounce, a_null_sender_is_not_answered)
{
	struct store_message m = message(SLICE(""), SLICE("x"));
	struct bounce b = {0};

	test_open(NULL);
	cr_assert_eq(queue_bounce_store(&b, &m, DSN_FAILED, &bad, 1), DB_DONE);
	cr_assert_eq(b.message, 0);
	queue_bounce_begin(&b);
	cr_assert_eq(queue_message_count(), 0);
	test_close();
}

/* What a thousand recipients bring does not fit into the database: the report becomes a file. */
Test(bounce, an_immense_report_becomes_a_file)
{
	struct store_message m = message(SLICE("a@x.test"), SLICE("Subject: s\r\n\r\nbody\r\n")),
			     row;
	struct dsn_recipient *many = mem_array(1000, sizeof(*many));
	struct bounce b = {0};
	int fd;

	test_open(NULL);
	for (int i = 0; i < 1000; i++)
		many[i] = bad;
	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(queue_bounce_store(&b, &m, DSN_FAILED, many, 1000), DB_DONE);
	cr_assert(b.is_file);
	cr_assert_eq(store_find_message(queue.store, b.message, &row), DB_ROW);
	cr_assert(row.is_file);
	fd = spool_open_body(b.message, row.size);
	cr_assert_geq(fd, 0);
	close(fd);
	store_done(queue.store);
	queue_bounce_begin(&b);
	cr_assert_eq(queue_message_find(b.message)->body, BODY_FILE, "it goes with its message");
	free(many);
	test_close();
}

static int bodies;

static void
count_body(uint64_t id)
{
	bodies++;
}

Test(bounce, a_report_without_a_row_leaves_no_file)
{
	struct store_message m = message(SLICE("a@x.test"), SLICE("Subject: s\r\n\r\nbody\r\n")),
			     other = message(SLICE("b@x.test"), SLICE("x"));
	struct dsn_recipient *many = mem_array(1000, sizeof(*many));
	struct bounce b = {0};

	test_open(NULL);
	for (int i = 0; i < 1000; i++)
		many[i] = bad;
	cr_assert(commit_begin(store_commit(queue.store)));
	other.id = queue_ids_take(1) + 1; /* the report's, too */
	cr_assert_eq(store_add_message(queue.store, &other), DB_DONE);
	cr_assert_neq(queue_bounce_store(&b, &m, DSN_FAILED, many, 1000), DB_DONE);
	cr_assert_eq(b.message, 0);
	for (unsigned i = 0; i < SPOOL_FOLDERS; i++)
		spool_walk_bodies(i, count_body);
	cr_assert_eq(bodies, 0);
	free(many);
	test_close();
}

static uint8_t
flags_of_report(struct slice sender, struct slice original)
{
	struct store_message m = message(sender, original), row;
	struct bounce b = {0};
	uint8_t flags;

	cr_assert_eq(queue_bounce_store(&b, &m, DSN_FAILED, &bad, 1), DB_DONE);
	cr_assert_eq(store_find_message(queue.store, b.message, &row), DB_ROW);
	flags = row.flags;
	store_done(queue.store);
	return flags;
}

/* Relay asks the next server for what these say (RFC 6152). */
Test(bounce, a_report_says_what_octets_it_has)
{
	test_open(NULL);
	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(flags_of_report(SLICE("a@x.test"), SLICE("S: s\r\n\r\nbody\r\n")), 0);
	cr_assert_eq(
	    flags_of_report(SLICE("a@x.test"), SLICE("S: s\r\n\r\n\xe9\r\n")), MESSAGE_8BIT);
	cr_assert_eq(
	    flags_of_report(SLICE("\xc3\xa9@x.test"), SLICE("S: s\r\n\r\nbody\r\n")), MESSAGE_8BIT);
	test_close();
}
