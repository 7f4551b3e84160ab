/* The files of large bodies: when they are there for certain, and when they go. */
#include "deliver/mailbox/store/body.h"
#include "deliver/mailbox/store/message.h"
#include "tests/unit/deliver/mailbox/mailbox_test.h"
#include "tests/unit/sync.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

enum { BIG = LIMIT_INLINE + 5000 };

static void
set_up(void)
{
	test_begin();
	test_open_store();
	cr_assert(test_settle());
}

static void
tear_down(void)
{
	if (test_store.db != NULL)
		test_close_store();
	test_end();
}

TestSuite(mailbox_store_body, .init = set_up, .fini = tear_down);

static void
find_file(char *path, size_t size)
{
	DIR *dir = opendir(test_folder);
	struct dirent *e;

	cr_assert_not_null(dir);
	while ((e = readdir(dir)) != NULL) {
		if (strncmp(e->d_name, "body-", 5) == 0)
			snprintf(path, size, "%s/%s", test_folder, e->d_name);
	}
	closedir(dir);
}

static enum store_result
add_big(void)
{
	struct buf text = {0};
	struct store_new n = {.date = 1577836800};
	enum store_result result;
	uint32_t uid;

	test_message(&text, "big", BIG);
	n.octets = buf_slice(&text);
	n.size = text.len;
	result = test_store_add(&test_store, &test_inbox, &n, &uid);
	buf_fini(&text);
	return result;
}

static bool
take(void *owner, const struct store_message *m)
{
	*(struct store_message *)owner = *m;
	return true;
}

static void
expunge_first(void)
{
	struct store_message m = {0};
	uint64_t modseq;

	store_each(&test_store, test_inbox.id, 1, 1, take, &m);
	cr_assert(store_begin(&test_store));
	modseq = store_next_modseq(&test_store, test_inbox.id);
	cr_assert_eq(
	    store_end(&test_store, store_expunge(&test_store, &test_inbox, &m, modseq)), STORE_OK);
}

Test(mailbox_store_body, a_file_and_its_name_are_durable_before_its_row)
{
	char path[400] = "";

	sync_forget();
	cr_assert_eq(add_big(), STORE_OK);
	find_file(path, sizeof(path));
	cr_assert(sync_was(path), "%s", path);
	cr_assert(sync_was(test_folder));
}

Test(mailbox_store_body, what_does_not_reach_the_disk_is_not_stored)
{
	sync_fail_at(1); /* the file's */
	cr_assert_eq(add_big(), STORE_FULL);
	cr_assert_eq(test_count_files(test_folder, "body-"), 0);
	sync_fail_at(2); /* the folder's */
	cr_assert_eq(add_big(), STORE_FULL);
	cr_assert_eq(test_count_files(test_folder, "body-"), 0);
	cr_assert(test_settle());
	cr_assert_str_eq(test_uids("INBOX"), "");
	cr_assert_eq(add_big(), STORE_OK);
}

Test(mailbox_store_body, a_file_outlives_an_expunge_that_is_not_durable)
{
	cr_assert_eq(add_big(), STORE_OK);
	cr_assert(test_settle());
	expunge_first();
	sync_fail_at(1);
	cr_assert_not(test_settle());
	turns_for(50);
	cr_assert_eq(test_count_files(test_folder, "body-"), 1);
}

/* What a row says is not believed where memory or a message hangs on it. */
Test(mailbox_store_body, a_packed_body_has_the_size_its_row_says)
{
	static const char *const wrong[] = {"size + 1", "size - 1", "0", "1 << 40"};
	struct buf octets = {0};
	uint64_t size, body;
	char sql[100];
	int fd;

	test_add(&test_inbox, "small", 3000, 0, 0);
	body = (uint64_t)test_count("SELECT id FROM body WHERE is_packed = 1");
	cr_assert(store_body_read(&test_store, body, &octets, &fd, &size));
	cr_assert_eq(octets.len, size);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		buf_clear(&octets);
		snprintf(sql, sizeof(sql), "UPDATE body SET size = %s", wrong[i]);
		cr_assert_eq(db_exec(test_store.db, sql), DB_DONE);
		cr_assert_not(
		    store_body_read(&test_store, body, &octets, &fd, &size), "%s", wrong[i]);
		cr_assert_eq(octets.len, 0);
		snprintf(sql, sizeof(sql), "UPDATE body SET size = 3000");
		cr_assert_eq(db_exec(test_store.db, sql), DB_DONE);
	}
	cr_assert(store_body_read(&test_store, body, &octets, &fd, &size));
	buf_fini(&octets);
}
