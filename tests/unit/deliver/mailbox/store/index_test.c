/* What is told of messages without reading them. */
#include "deliver/mailbox/store/beside.h"
#include "deliver/mailbox/store/body.h"
#include "deliver/mailbox/store/form.h"
#include "deliver/mailbox/store/index.h"
#include "deliver/mailbox/store/message.h"
#include "tests/unit/deliver/mailbox/mailbox_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static void
set_up(void)
{
	test_begin();
	test_open_store();
}

static void
tear_down(void)
{
	test_close_store();
	test_end();
}

TestSuite(mailbox_store_index, .init = set_up, .fini = tear_down);

static bool
take(void *owner, const struct store_message *m)
{
	*(struct store_message *)owner = *m;
	return true;
}

static struct store_message
message(uint32_t uid)
{
	struct store_message m = {0};

	store_each(&test_store, test_inbox.id, uid, uid, take, &m);
	cr_assert_eq(m.uid, uid, "no message %u", uid);
	return m;
}

static void
expunge(uint32_t uid)
{
	struct store_message m = message(uid);

	cr_assert(store_begin(&test_store));
	cr_assert_eq(store_end(&test_store, store_expunge(&test_store, &test_inbox, &m,
						store_next_modseq(&test_store, test_inbox.id))),
	    STORE_OK);
}

static void
add(unsigned count)
{
	char subject[32];

	for (unsigned i = 1; i <= count; i++) {
		snprintf(subject, sizeof(subject), "number %u.", i);
		test_add(&test_inbox, subject, 200, 0, 0);
	}
}

/* The index is that of the message with this number, as add() made them. */
static void
assert_is(const struct store_index *i, unsigned number)
{
	char subject[32];

	snprintf(subject, sizeof(subject), "\"number %u.\"", number);
	cr_assert_geq(slice_search(i->envelope, slice_of(subject)), 0, "envelope of %u", number);
	cr_assert_geq(slice_search(i->structure, SLICE("\"text\" \"plain\"")), 0);
	cr_assert_gt(i->structure.len, i->basic.len, "extension data");
	cr_assert_eq(i->basic.data[0], '(');
	cr_assert_eq(i->basic.data[i->basic.len - 1], ')');
	cr_assert_gt(i->header_size, 0);
}

Test(mailbox_store_index, beside_a_walk_each_is_found_in_whatever_order)
{
	static const unsigned order[] = {1, 2, 3, 5, 60, 61, 4, 62, 63, 63, 64};
	struct store_beside beside = {.rows = NULL};
	struct store_index i;

	add(64);
	for (size_t n = 0; n < sizeof(order) / sizeof(order[0]); n++) {
		uint64_t body = message(order[n]).body;

		cr_assert(store_index_beside(&test_store, &beside, body, &i));
		assert_is(&i, order[n]);
	}
	cr_assert_not(store_index_beside(&test_store, &beside, message(64).body + 1, &i));
	store_beside_end(&beside);
	cr_assert(store_index(&test_store, message(7).body, &i));
	assert_is(&i, 7);
	store_index_fini(&i);
	cr_assert_not(store_index(&test_store, message(64).body + 1, &i));
	store_index_fini(&i);
}

Test(mailbox_store_index, it_goes_with_the_last_message_that_has_the_body)
{
	struct store_message m;
	struct store_index i;
	uint32_t uid;

	add(1);
	m = message(1);
	cr_assert(store_begin(&test_store));
	cr_assert_eq(store_copy(&test_store, &test_inbox, &m,
			 store_next_modseq(&test_store, test_inbox.id), &uid),
	    STORE_OK);
	store_end(&test_store, STORE_OK);
	expunge(1);
	cr_assert(store_index(&test_store, m.body, &i));
	store_index_fini(&i);
	expunge(uid);
	cr_assert_eq(test_count("SELECT count(*) FROM body_index"), 0);
	cr_assert_eq(test_count("SELECT count(*) FROM body"), 0);
}

/* As it was when bodies and what is told of them had one table. */
static const char as_before[] =
    "ALTER TABLE body RENAME TO new_body; DROP INDEX body_file;"
    "CREATE TABLE body (id INTEGER PRIMARY KEY, size INTEGER NOT NULL, is_packed INTEGER NOT NULL,"
    " octets BLOB, file TEXT, header_size INTEGER NOT NULL, sent INTEGER, envelope BLOB NOT NULL,"
    " structure BLOB NOT NULL, basic BLOB NOT NULL);"
    "INSERT INTO body SELECT id, size, is_packed, octets, file, header_size, sent, envelope,"
    " structure, basic FROM new_body JOIN body_index ON body = id;"
    "DROP TABLE new_body; DROP TABLE body_index;"
    "CREATE INDEX body_file ON body (file) WHERE file IS NOT NULL;"
    "PRAGMA user_version = 6";

static void
make_old(void)
{
	cr_assert(test_settle());
	cr_assert_eq(db_exec(test_store.db, as_before), DB_DONE, "%s", db_failure(test_store.db));
	test_close_store();
}

static void
assert_all(unsigned count)
{
	struct store_index i;
	struct buf octets = {0}, wanted = {0};
	uint64_t size;
	int fd;

	for (unsigned n = 1; n <= count; n++) {
		cr_assert(store_index(&test_store, message(n).body, &i));
		assert_is(&i, n);
		store_index_fini(&i);
	}
	test_message(&wanted, "number 2.", 200);
	cr_assert(store_body_read(&test_store, message(2).body, &octets, &fd, &size));
	cr_assert(slice_equal(buf_slice(&octets), buf_slice(&wanted)));
	buf_fini(&octets);
	buf_fini(&wanted);
}

/* One row each time. */
static bool
bring_over(void)
{
	return store_form_portion(&test_store, moment_now());
}

Test(mailbox_store_index, an_account_from_before_is_brought_over_row_by_row)
{
	struct buf octets = {0};
	uint64_t size;
	int fd;

	add(3);
	test_add(&test_inbox, "large", LIMIT_INLINE + 1, 0, 0);
	make_old();
	for (int moved = 0; moved <= 4; moved++) {
		/* As after a crash in between, too. */
		test_open_store();
		cr_assert_eq(test_count("SELECT count(*) FROM body_index"), moved);
		cr_assert(store_form_is_old(&test_store));
		assert_all(3);
		cr_assert(bring_over());
		assert_all(3);
		test_close_store();
	}
	test_open_store();
	cr_assert(!store_form_is_old(&test_store));
	cr_assert_eq(
	    test_count("SELECT count(*) FROM body WHERE envelope <> x'' OR basic <> x''"), 0);
	cr_assert(store_body_read(&test_store, message(4).body, &octets, &fd, &size));
	cr_assert_geq(fd, 0);
	close(fd);
	test_add(&test_inbox, "number 5", 200, 0, 0);
	cr_assert_eq(test_count("SELECT count(*) FROM body_index"), 5);
}

Test(mailbox_store_index, what_comes_and_goes_meanwhile_is_as_it_is)
{
	struct store_index i;

	add(4);
	make_old();
	test_open_store();
	cr_assert(bring_over());
	expunge(1);
	expunge(4);
	cr_assert_eq(test_count("SELECT count(*) FROM body_index"), 0);
	add(1);
	cr_assert_eq(test_count("SELECT count(*) FROM body_index"), 1);
	cr_assert(store_index(&test_store, message(5).body, &i));
	assert_is(&i, 1);
	store_index_fini(&i);
	cr_assert(test_settle());
	while (store_form_is_old(&test_store))
		cr_assert(bring_over());
	cr_assert_eq(test_count("SELECT count(*) FROM body_index"), 3);
	cr_assert(store_index(&test_store, message(5).body, &i));
	assert_is(&i, 1);
	store_index_fini(&i);
	for (unsigned n = 2; n <= 3; n++) {
		cr_assert(store_index(&test_store, message(n).body, &i));
		assert_is(&i, n);
		store_index_fini(&i);
	}
	for (uint32_t uid = 2; uid <= 5; uid += uid == 3 ? 2 : 1)
		expunge(uid);
	cr_assert_eq(test_count("SELECT count(*) FROM body"), 0);
	cr_assert(test_settle());
	test_close_store();
	test_open_store();
	cr_assert(!test_store.is_wide, "without messages it is as a new one");
}

/* A row of several pages, of which one does not lead to the next. */
static void
damage_row(uint64_t body, char letter)
{
	char sql[100], path[200], page[4096];
	bool is_damaged = false;
	int fd;

	snprintf(sql, sizeof(sql),
	    "UPDATE body SET octets = CAST(printf('%%.*c', 20000, '%c') AS BLOB) WHERE id = %u",
	    letter, (unsigned)body);
	cr_assert_eq(db_exec(test_store.db, sql), DB_DONE);
	test_close_store();
	snprintf(path, sizeof(path), "%s/mail.db", test_folder);
	fd = open(path, O_RDWR);
	for (off_t at = 0; !is_damaged && pread(fd, page, sizeof(page), at) == sizeof(page);
	     at += (off_t)sizeof(page)) {
		is_damaged = page[4] == letter && page[sizeof(page) - 1] == letter;
		if (is_damaged)
			cr_assert_eq(pwrite(fd, "\xff\xff\xff\xff", 4, at), 4);
	}
	close(fd);
	cr_assert(is_damaged);
}

Test(mailbox_store_index, a_row_that_cannot_be_read_holds_up_no_other)
{
	struct store_index i;

	add(4);
	make_old();
	test_open_store();
	damage_row(message(2).body, 'Y');
	test_open_store();
	damage_row(message(3).body, 'Z');
	test_open_store();
	for (int portion = 0; portion < 10 && store_form_is_old(&test_store); portion++)
		cr_assert(
		    store_form_portion(&test_store, moment_after(moment_now(), SPAN_SECONDS(9))));
	cr_assert(!store_form_is_old(&test_store));
	cr_assert_eq(test_count("SELECT count(*) FROM body_index"), 2);
	for (unsigned n = 1; n <= 4; n += 3) {
		cr_assert(store_index(&test_store, message(n).body, &i));
		assert_is(&i, n);
		store_index_fini(&i);
	}
	cr_assert_not(store_index(&test_store, message(2).body, &i));
	store_index_fini(&i);
}

static void
limit_files(rlim_t octets)
{
	struct rlimit r = {octets, RLIM_INFINITY};

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* It works as it is, and is brought over when there is room. */
Test(mailbox_store_index, a_disk_without_room_keeps_nobody_from_an_account_from_before)
{
	struct store_index i;

	add(3);
	make_old();
	limit_files(4096);
	test_open_store();
	assert_all(3);
	cr_assert(test_store.lacks_index);
	limit_files(RLIM_INFINITY);
	/* Room may be there before anybody brings it over. */
	add(1);
	cr_assert(store_index(&test_store, message(test_inbox.uidnext - 1).body, &i));
	assert_is(&i, 1);
	store_index_fini(&i);
	expunge(test_inbox.uidnext - 1);
	cr_assert(test_settle());
	while (store_form_is_old(&test_store))
		cr_assert(bring_over());
	assert_all(3);
	cr_assert_eq(test_count("SELECT count(*) FROM main.body_index"), 3);
}
