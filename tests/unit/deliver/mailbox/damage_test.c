/* What is damaged, cut short or given up: nobody takes it for whole, and it holds nothing
 * for long. */
#include "tests/unit/deliver/mailbox/asker.h"

#include "common/ipc/packed.h"
#include "common/mail/search.h"
#include "deliver/mailbox/store/octets.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MORE_THAN_SPOOLS = 250, LARGE = 2 * LIMIT_INLINE };

static struct asker a;

static void
set_up(void)
{
	test_begin();
	asker_open(&a, verbs);
	asker_login(&a, "u@a.test");
}

static void
tear_down(void)
{
	asker_close(&a);
	accounts_close_all();
	test_end();
}

TestSuite(mailbox_damage, .init = set_up, .fini = tear_down, .timeout = 60);

static void
change(const char *sql)
{
	struct error why = {""};
	struct account *acc = account_open(SLICE("u@a.test"), &why);

	cr_assert(acc != NULL && commit_begin(acc->store.commit));
	cr_assert_eq(db_exec(acc->store.db, sql), DB_DONE);
	account_release(acc);
}

static void
fetch(uint8_t want)
{
	struct am_fetch m = {.handle = a.handle, .want = want};
	struct buf uids = {0};

	am_range_add(&uids, 1, 1000);
	m.uids = buf_slice(&uids);
	a.message_count = 0;
	asker_ask(&a, &am_fetch_schema, &m);
	buf_fini(&uids);
}

/* The others come; that one does not come as an empty one. */
Test(mailbox_damage, a_message_that_cannot_be_read_is_no_empty_one)
{
	for (int i = 0; i < 3; i++)
		asker_append(&a, "INBOX", "Subject: x\r\n\r\ntext\r\n", 0);
	asker_view(&a, "INBOX");
	fetch(WANT_OCTETS);
	cr_assert_eq(a.end, &am_ok_schema);
	cr_assert_eq(a.message_count, 3);
	change("UPDATE body SET octets = x'00', is_packed = 1 WHERE id = 2");
	fetch(WANT_OCTETS);
	cr_assert_eq(a.end, &am_no_schema);
	cr_assert_eq(a.code, AM_CORRUPTION);
	cr_assert_eq(a.message_count, 2);
	fetch(WANT_ENVELOPE);
	cr_assert_eq(a.end, &am_ok_schema, "what is whole of it can be had");
	cr_assert_eq(a.message_count, 3);
	change("UPDATE body SET octets = NULL, file = 'body-gone' WHERE id = 2");
	fetch(WANT_HEADER);
	cr_assert_eq(a.code, AM_CORRUPTION);
	cr_assert_eq(a.message_count, 2);
	change("DELETE FROM body WHERE id = 2");
	fetch(WANT_ENVELOPE);
	cr_assert_eq(a.end, &am_ok_schema);
	change("DELETE FROM body_index WHERE body = 2");
	fetch(WANT_ENVELOPE);
	cr_assert_eq(a.code, AM_CORRUPTION);
	cr_assert_eq(a.message_count, 2);
}

/* Overwrites the first page of a table or an index of the account, which closes for that. */
static void
damage(const char *name)
{
	struct error why = {""};
	struct account *acc = account_open(SLICE("u@a.test"), &why);
	struct statement *st = db_statement(acc->store.db,
	    "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = ?");
	char path[200], page[65536];
	int64_t number, size;
	int fd;

	statement_bind_text(st, 1, slice_of(name));
	cr_assert_eq(statement_step(st), DB_ROW);
	number = statement_number(st, 0);
	size = statement_number(st, 1);
	statement_reset(st);
	account_release(acc);
	accounts_close_all();
	snprintf(path, sizeof(path), "%s/a.test/u/mail.db", test_folder);
	fd = open(path, O_WRONLY);
	memset(page, 0xff, sizeof(page));
	cr_assert_eq(pwrite(fd, page, (size_t)size, (number - 1) * size), size);
	close(fd);
}

static void
begin_append(void)
{
	struct am_spool m = {.handle = a.handle};

	asker_ask(&a, &am_spool_schema, &m);
	cr_assert_eq(a.end, &am_spooled_schema);
}

static void
finish_append(uint64_t size)
{
	struct am_append m = {
	    .handle = a.handle, .name = SLICE("INBOX"), .spool = a.spool, .size = size};

	asker_ask(&a, &am_append_schema, &m);
}

static void
append_large(void)
{
	struct buf octets = {0};

	test_message(&octets, "large", LARGE);
	begin_append();
	cr_assert_eq(write(a.spool_fd, octets.data, octets.len), (ssize_t)octets.len);
	close(a.spool_fd);
	finish_append(octets.len);
	cr_assert_eq(a.end, &am_appended_schema);
	buf_fini(&octets);
}

/* What cannot be looked up is not known to be without a row. */
Test(mailbox_damage, a_damaged_index_costs_no_message)
{
	char folder[100];

	append_large();
	damage("body_file");
	asker_view(&a, "INBOX");
	snprintf(folder, sizeof(folder), "%s/a.test/u", test_folder);
	cr_assert_eq(test_count_files(folder, "body-"), 1);
	fetch(WANT_OCTETS);
	cr_assert_eq(a.message_count, 1);
}

/* Nor does what is damaged take with it what is not. */
Test(mailbox_damage, what_is_told_of_messages_is_lost_and_they_are_not)
{
	for (int i = 0; i < 3; i++)
		asker_append(&a, "INBOX", "Subject: x\r\n\r\ntext\r\n", 0);
	damage("body_index");
	asker_view(&a, "INBOX");
	fetch(WANT_STRUCTURE);
	cr_assert_eq(a.end, &am_no_schema);
	cr_assert_eq(a.code, AM_CORRUPTION);
	cr_assert_eq(a.message_count, 0);
	fetch(WANT_OCTETS);
	cr_assert_eq(a.end, &am_ok_schema);
	cr_assert_eq(a.message_count, 3);
}

/* A client would take those that are not told for removed. */
Test(mailbox_damage, a_mailbox_that_cannot_be_read_is_no_empty_one)
{
	struct am_view view = {.handle = a.handle, .name = SLICE("INBOX")};
	struct am_list list = {.handle = a.handle};

	asker_append(&a, "INBOX", "Subject: x\r\n\r\ntext\r\n", 0);
	damage("message");
	asker_ask(&a, &am_view_schema, &view);
	cr_assert_eq(a.end, &am_no_schema);
	cr_assert_eq(a.code, AM_TEMPORARY);
	damage("sqlite_autoindex_mailbox_1");
	asker_ask(&a, &am_view_schema, &view);
	cr_assert_eq(a.code, AM_TEMPORARY, "nor is it gone");
	a.end = NULL;
	asker_ask(&a, &am_list_schema, &list);
	cr_assert_eq(a.end, &am_no_schema, "nor are they all that there are");
}

static void
search_body(const char *text)
{
	struct search_node node = {.op = SEARCH_BODY, .text = slice_of(text)};
	struct buf program = {0}, uids = {0};
	struct am_search m = {.handle = a.handle};

	search_pack(&program, &node);
	am_range_add(&uids, 1, 100);
	m.program = buf_slice(&program);
	m.uids = buf_slice(&uids);
	asker_ask(&a, &am_search_schema, &m);
	buf_fini(&program);
	buf_fini(&uids);
}

/* The large one was judged in the pool: what ends the search reads nothing more. */
Test(mailbox_damage, a_search_tells_at_its_end_what_could_not_be_read_before)
{
	append_large();
	asker_view(&a, "INBOX");
	damage("body");
	search_body("nowhere");
	cr_assert_eq(a.end, &am_no_schema);
	cr_assert_eq(a.code, AM_TEMPORARY);
}

/* The name of the only large message's file. */
static void
name_file(char path[400])
{
	char folder[100];
	struct dirent *e;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/a.test/u", test_folder);
	dir = opendir(folder);
	cr_assert_not_null(dir);
	do {
		e = readdir(dir);
		cr_assert_not_null(e);
	} while (strncmp(e->d_name, "body-", 5) != 0);
	snprintf(path, 400, "%s/%s", folder, e->d_name);
	closedir(dir);
}

/* Who reads behind the end of a file that is mapped is ended for it. */
Test(mailbox_damage, a_file_that_was_cut_short_ends_nobody)
{
	char path[400];

	append_large();
	name_file(path);
	cr_assert_eq(truncate(path, 5000), 0);
	asker_view(&a, "INBOX");
	fetch(WANT_OCTETS);
	cr_assert_eq(a.code, AM_CORRUPTION);
	search_body("nowhere");
	cr_assert_eq(a.end, &am_ok_schema);
	turns_for(200); /* in which it would be signed */
	asker_append(&a, "INBOX", "Subject: x\r\n\r\ntext\r\n", 0);
	cr_assert_eq(a.end, &am_appended_schema);
}

/* What nobody could look into says nothing of what is in it. */
Test(mailbox_damage, what_could_not_be_read_is_found_when_it_can_be)
{
	char path[400], aside[410];

	append_large();
	asker_view(&a, "INBOX");
	name_file(path);
	snprintf(aside, sizeof(aside), "%s-aside", path);
	cr_assert_eq(rename(path, aside), 0);
	search_body("xxxxxxxx");
	cr_assert_eq(a.found.len, 0);
	cr_assert_eq(rename(aside, path), 0);
	search_body("xxxxxxxx");
	cr_assert_eq(a.end, &am_ok_schema);
	cr_assert_str_eq(buf_text(&a.found), "1");
}

/* Nor when that happens, or the disk fails, while the pool has it. */
Test(mailbox_damage, a_file_that_cannot_be_read_is_noticed_before_it_is)
{
	struct error why = {""};
	struct account *acc;
	struct octets octets;
	char path[400];

	append_large();
	acc = account_open(SLICE("u@a.test"), &why);
	octets_load(&octets, &acc->store, 1);
	octets_check(&octets);
	cr_assert_gt(octets.all.len, LARGE / 2);
	name_file(path);
	cr_assert_eq(truncate(path, 5000), 0);
#ifdef MADV_POPULATE_READ
	octets_check(&octets);
	cr_assert_eq(octets.all.len, 0);
#endif
	octets_fini(&octets);
	account_release(acc);
}

static int
open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A client that is told that its mailbox is gone may well remove what it has of it. */
Test(mailbox_damage, a_mailbox_whose_row_cannot_be_read_is_not_gone)
{
	struct am_store store = {.handle = a.handle, .mode = STORE_ADD, .flags = FLAG_SEEN};
	struct am_remove remove = {.handle = a.handle, .name = SLICE("Trash")};
	struct am_changes changes = {.handle = a.handle};

	asker_append(&a, "INBOX", "Subject: x\r\n\r\ntext\r\n", 0);
	asker_view(&a, "INBOX");
	changes.since = a.modseq;
	change("ALTER TABLE mailbox RENAME TO away");
	asker_ask(&a, &am_store_schema, &store);
	cr_assert_eq(a.end, &am_no_schema);
	cr_assert_eq(a.code, AM_TEMPORARY);
	asker_ask(&a, &am_changes_schema, &changes);
	cr_assert_eq(a.end, &am_no_schema);
	cr_assert_eq(a.code, AM_TEMPORARY);
	asker_ask(&a, &am_remove_schema, &remove);
	cr_assert_eq(a.end, &am_no_schema);
	cr_assert_eq(a.code, AM_TEMPORARY);
}

/* A session has one at most, so those that are given up do not add up. */
Test(mailbox_damage, large_appends_that_are_given_up_hold_nothing)
{
	int before = open_descriptors();

	for (int i = 0; i < MORE_THAN_SPOOLS; i++) {
		begin_append();
		close(a.spool_fd);
	}
	cr_assert_leq(open_descriptors(), before + 1);
	for (int i = 0; i < MORE_THAN_SPOOLS; i++) {
		struct am_close m = {.handle = a.handle};

		begin_append();
		close(a.spool_fd);
		am_close_send(a.mine, 0, &m, -1);
		asker_login(&a, "u@a.test");
	}
	begin_append();
	cr_assert_eq(ftruncate(a.spool_fd, LARGE), 0);
	close(a.spool_fd);
	finish_append(LARGE);
	cr_assert_eq(a.end, &am_appended_schema);
	cr_assert_leq(open_descriptors(), before);
}

/* What the asker says of its size is not believed, and it can still write it. */
Test(mailbox_damage, a_large_append_shorter_than_it_says_is_refused)
{
	begin_append();
	cr_assert_eq(ftruncate(a.spool_fd, 5000), 0);
	finish_append(LARGE);
	close(a.spool_fd);
	cr_assert_eq(a.end, &am_no_schema);
	begin_append();
	close(a.spool_fd);
	finish_append(LARGE);
	cr_assert_eq(a.end, &am_no_schema);
	asker_append(&a, "INBOX", "Subject: x\r\n\r\n", 0);
	asker_view(&a, "INBOX");
	fetch(WANT_OCTETS);
	cr_assert_eq(a.message_count, 1);
}
