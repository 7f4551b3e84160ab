#include "tests/unit/queue/queue_test.h"

#include "common/base/limits.h"
#include "common/ipc/listener_queue.h"
#include "queue/schedule/destination.h"
#include "queue/schedule/expire.h"
#include "queue/store/row.h"
#include "queue/store/schema.h"

#include <stdio.h>

UNIT_SUITE(store_row);

static char texts[200][4];
static int made;

/* A text, and a number, that no other column has; in a small range, the most. */
static struct slice
new_text(void)
{
	snprintf(texts[made], sizeof(texts[made]), "%03d", made);
	return slice_of(texts[made++]);
}

/* clang-format off */
#define NEW_NUMBER(most) ((most) < 128 ? (most) : 1000 + made++)
#define NEW_u8(most)    (uint8_t)NEW_NUMBER(most)
#define NEW_u16(most)   (uint16_t)NEW_NUMBER(most)
#define NEW_u64(most)   (uint64_t)NEW_NUMBER(most)
#define NEW_i64(most)   NEW_NUMBER(most)
#define NEW_text(most)  new_text()
#define NEW_said(most)  new_text()
#define FILL(kind, name, least, most, written) row->name = NEW_##kind(most);

#define SAME_u8(a, b)   ((a) == (b))
#define SAME_u16(a, b)  ((a) == (b))
#define SAME_u64(a, b)  ((a) == (b))
#define SAME_i64(a, b)  ((a) == (b))
#define SAME_text(a, b) slice_equal(a, b)
#define SAME_said(a, b) slice_equal(a, b)
#define SAME(kind, name, least, most, written) cr_assert(SAME_##kind(a->name, b->name), #name);
#define SAME_IF_KEPT(kind, name, least, most, written) SAME_##written(kind, name)
#define SAME_KEPT(kind, name)  cr_assert(SAME_##kind(found.name, first.name), #name);
#define SAME_TRIED(kind, name) cr_assert(SAME_##kind(found.name, tried.name), #name);
/* clang-format on */

static void
fill_message(struct store_message *row)
{
	STORE_MESSAGE_COLUMNS(FILL)
	row->is_file = true;
}

static void
fill_envelope(struct store_envelope *row)
{
	STORE_ENVELOPE_COLUMNS(FILL)
	row->transport = TRANSPORT_AGENT;
}

static void
same_message(const struct store_message *a, const struct store_message *b)
{
	STORE_MESSAGE_COLUMNS(SAME)
}

static void
same_envelope(const struct store_envelope *a, const struct store_envelope *b){
    STORE_ENVELOPE_COLUMNS(SAME)}

Test(store_row, every_column_comes_back)
{
	struct store_message m = {.id = 10}, found_message;
	struct store_envelope e = {.id = 11}, found;
	char *octets;

	fill_message(&m);
	fill_envelope(&e);
	test_open(NULL);
	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_add_message(queue.store, &m), DB_DONE);
	cr_assert_eq(store_add_envelope(queue.store, &e), DB_DONE);
	cr_assert_eq(store_find_message(queue.store, 10, &found_message), DB_ROW);
	same_message(&m, &found_message);
	cr_assert_eq(store_find_envelope(queue.store, 11, &found), DB_ROW);
	same_envelope(&e, &found);
	octets = store_copy_envelope(&found);
	store_done(queue.store);
	same_envelope(&e, &found);
	free(octets);
	test_close();
}

Test(store_row, a_try_writes_what_is_tried_and_keeps_the_rest)
{
	struct store_envelope first = {.id = 11}, tried = {.id = 11}, found;

	fill_envelope(&first);
	first.hold = HOLD_PERSON;
	first.warned = 1;
	fill_envelope(&tried);
	test_open(NULL);
	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_add_envelope(queue.store, &first), DB_DONE);
	cr_assert_eq(store_change_envelope(queue.store, &tried), DB_DONE);
	cr_assert_eq(store_find_envelope(queue.store, 11, &found), DB_ROW);
	STORE_ENVELOPE_COLUMNS(SAME_IF_KEPT)
	store_done(queue.store);
	test_close();
}

/* Every database there is has them: what differs here would be missed in those. */
Test(store_row, the_first_columns_are_for_ever)
{
	cr_assert_str_eq(store_migrations[0],
	    "CREATE TABLE message (id INTEGER PRIMARY KEY, arrival INTEGER NOT NULL,"
	    " sender TEXT NOT NULL, flags INTEGER NOT NULL, ret INTEGER NOT NULL,"
	    " envid TEXT NOT NULL, user TEXT NOT NULL, client TEXT NOT NULL,"
	    " helo TEXT NOT NULL, size INTEGER NOT NULL, octets BLOB);"
	    "CREATE TABLE envelope (id INTEGER PRIMARY KEY, message INTEGER NOT NULL,"
	    " transport INTEGER NOT NULL, mailbox INTEGER NOT NULL, notify INTEGER NOT NULL,"
	    " hold INTEGER NOT NULL, warned INTEGER NOT NULL, tries INTEGER NOT NULL,"
	    " next_try INTEGER NOT NULL, age INTEGER NOT NULL, written INTEGER NOT NULL,"
	    " action TEXT NOT NULL, address TEXT NOT NULL, user TEXT NOT NULL,"
	    " target TEXT NOT NULL, original TEXT NOT NULL, orcpt TEXT NOT NULL,"
	    " status TEXT NOT NULL, reply TEXT NOT NULL, mta TEXT NOT NULL);"
	    "CREATE TABLE setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL)"
	    " WITHOUT ROWID");
}

/* Somebody else's hand in the file. */
static void
meddle(const char *sql)
{
	struct error why;
	char path[80];
	struct db *db;

	store_close(queue.store);
	snprintf(path, sizeof(path), "%s/queue.db", test_folder);
	db = db_open(path, store_migrations, 1, &why);
	cr_assert_not_null(db);
	cr_assert_eq(db_exec(db, sql), DB_DONE, "%s", sql);
	db_close(db);
	queue.store = test_open_store(test_folder);
}

Test(store_row, what_no_column_can_hold_is_damage)
{
	static const char *const damages[] = {"transport = 256 + 1", "mailbox = -1", "notify = 16",
	    "hold = 4", "address = ''", "original = ''", "orcpt = CAST(x'ff' AS TEXT)",
	    "target = printf('%1025d', 0)", "reply = printf('%1001d', 0)", "message = -5",
	    "age = 1 << 31", "age = -1", "written = 1 << 62", "next_try = 1 << 63"};
	struct store_envelope e = {.id = 1}, found;
	char sql[100];

	test_open(NULL);
	fill_envelope(&e);
	e.message = sizeof(damages) / sizeof(damages[0]);
	for (; e.id <= e.message; e.id++)
		cr_assert_eq(store_add_envelope(queue.store, &e), DB_DONE);
	for (uint64_t i = 0; i < e.message; i++) {
		cr_assert_eq(store_find_envelope(queue.store, i + 1, &found), DB_ROW);
		store_done(queue.store);
		snprintf(sql, sizeof(sql), "UPDATE envelope SET %s WHERE id = %d", damages[i],
		    (int)i + 1);
		meddle(sql);
		cr_assert_eq(
		    store_find_envelope(queue.store, i + 1, &found), DB_CORRUPT, "%s", damages[i]);
	}
	test_close();
}

static void
show_damaged(void *owner, const struct store_envelope *e)
{
	struct store_envelope shown = *e;

	store_cut_envelope(&shown);
	cr_assert_eq(shown.reply.len, LIMIT_REPLY_TEXT);
	cr_assert_eq(shown.original.len, LIMIT_PATH);
	cr_assert_eq(shown.transport, TRANSPORT_COUNT - 1);
	cr_assert(slice_equal(shown.address, e->address));
	cr_assert_eq(shown.tries, e->tries);
}

/* "show queue" has lines of bounded length, also of what is damaged. */
Test(store_row, damage_is_cut_to_what_can_be_shown)
{
	struct store_envelope e = {.id = 1};
	uint64_t after = 0;

	test_open(NULL);
	fill_envelope(&e);
	cr_assert_eq(store_add_envelope(queue.store, &e), DB_DONE);
	meddle("UPDATE envelope SET transport = 200, original = printf('%9000d', 0),"
	       " reply = printf('%9000d', 0)");
	cr_assert_eq(store_scan(queue.store, &after, 9, 9, show_damaged, NULL), DB_DONE);
	cr_assert_eq(after, 1);
	test_close();
}

Test(store_row, too_many_tries_are_the_most)
{
	struct store_envelope e = {.id = 1}, found;

	test_open(NULL);
	fill_envelope(&e);
	cr_assert_eq(store_add_envelope(queue.store, &e), DB_DONE);
	meddle("UPDATE envelope SET tries = 65536");
	cr_assert_eq(store_find_envelope(queue.store, 1, &found), DB_ROW);
	cr_assert_eq(found.tries, UINT16_MAX, "and not the first");
	store_done(queue.store);
	test_close();
}
