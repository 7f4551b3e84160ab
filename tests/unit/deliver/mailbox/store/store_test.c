#include "deliver/mailbox/store/body.h"
#include "deliver/mailbox/store/keyword.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/message.h"
#include "tests/unit/deliver/mailbox/mailbox_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

enum { BIG = LIMIT_INLINE + 5000 };

static void
set_up(void)
{
	test_begin();
	test_open_store();
}

static void
tear_down(void)
{
	if (test_store.db != NULL)
		test_close_store();
	test_end();
}

TestSuite(mailbox_store, .init = set_up, .fini = tear_down);

static bool
take(void *owner, const struct store_message *m)
{
	*(struct store_message *)owner = *m;
	return true;
}

static struct store_message
message(uint64_t mailbox, uint32_t uid)
{
	struct store_message m = {0};

	store_each(&test_store, mailbox, uid, uid, take, &m);
	cr_assert_eq(m.uid, uid, "no message %u", uid);
	return m;
}

static void
assert_octets(uint64_t body, const char *subject, size_t octets)
{
	struct buf wanted = {0}, got = {0};
	uint64_t size = 0;
	int fd = -1;

	test_message(&wanted, subject, octets);
	cr_assert(store_body_read(&test_store, body, &got, &fd, &size));
	cr_assert_eq(size, wanted.len);
	if (fd >= 0) {
		cr_assert_eq(read(fd, buf_room(&got, size + 1), size + 1), (ssize_t)size);
		buf_grew(&got, size);
		close(fd);
	}
	cr_assert(slice_equal(buf_slice(&got), buf_slice(&wanted)));
	buf_fini(&got);
	buf_fini(&wanted);
}

static enum store_result
expunge(struct store_mailbox *m, uint32_t uid)
{
	struct store_message it = message(m->id, uid);

	cr_assert(store_begin(&test_store));
	return store_end(
	    &test_store, store_expunge(&test_store, m, &it, store_next_modseq(&test_store, m->id)));
}

Test(mailbox_store, a_new_account_has_its_mailboxes)
{
	static const char *const names[] = {"INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"};
	struct store_mailbox m;
	uint32_t last = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cr_assert_eq(store_find(&test_store, names[i], &m), STORE_OK, "%s", names[i]);
		cr_assert_eq(m.uidnext, 1);
		cr_assert_gt(m.uidvalidity, last);
		last = m.uidvalidity;
	}
}

/* A client may know messages of an account that was here before. */
Test(mailbox_store, uidvalidity_begins_with_the_time)
{
	cr_assert_geq(test_inbox.uidvalidity, (uint64_t)civil_now() - 60);
	cr_assert_leq(test_inbox.uidvalidity, (uint64_t)civil_now() + 60);
}

Test(mailbox_store, what_was_stored_is_there_after_opening_anew)
{
	uint64_t modseq;

	cr_assert_eq(test_add(&test_inbox, "one", 500, FLAG_SEEN, 0), 1);
	cr_assert_eq(test_add(&test_inbox, "two", BIG, FLAG_FLAGGED, 0), 2);
	cr_assert(test_settle());
	modseq = test_store.modseq;
	test_close_store();
	test_open_store();
	cr_assert_str_eq(test_uids("INBOX"), "1 2");
	cr_assert_eq(test_inbox.uidnext, 3);
	cr_assert_eq(test_store.modseq, modseq);
	cr_assert_eq(message(test_inbox.id, 1).flags, FLAG_SEEN);
	cr_assert_eq(message(test_inbox.id, 1).date, 1577836800);
	assert_octets(message(test_inbox.id, 1).body, "one", 500);
	assert_octets(message(test_inbox.id, 2).body, "two", BIG);
}

/* The first message may have been shown, and be lost with the power before its sync. */
Test(mailbox_store, what_was_shown_in_an_empty_mailbox_is_not_taken_again)
{
	char command[300];
	uint64_t modseq;

	cr_assert(test_settle());
	snprintf(command, sizeof(command), "cp -r %s %s-cut", test_folder, test_folder);
	cr_assert_eq(system(command), 0);
	cr_assert_eq(test_add(&test_inbox, "shown", 500, 0, 0), 1);
	modseq = test_store.modseq;
	test_close_store();
	snprintf(command, sizeof(command), "rm -r %s && mv %s-cut %s", test_folder, test_folder,
	    test_folder);
	cr_assert_eq(system(command), 0);
	test_open_store();
	cr_assert_str_eq(test_uids("INBOX"), "");
	cr_assert_gt(test_store.modseq, modseq);
	cr_assert_gt(test_add(&test_inbox, "another", 500, 0, 0), 1);
}

Test(mailbox_store, messages_are_not_swept_when_the_database_is_gone)
{
	char path[100];
	struct error why = {""};

	test_add(&test_inbox, "large", BIG, 0, 0);
	test_close_store();
	snprintf(path, sizeof(path), "%s/mail.db", test_folder);
	cr_assert_eq(unlink(path), 0);
	cr_assert_not(store_open(&test_store, test_folder, NULL, NULL, &why));
	cr_assert_not_null(strstr(why.text, "put back a copy"), "%s", why.text);
	cr_assert_eq(test_count_files(test_folder, "body-"), 1);
}

Test(mailbox_store, an_envelope_is_stored_once)
{
	cr_assert_eq(test_add(&test_inbox, "first", 300, 0, 77), 1);
	cr_assert_eq(test_add(&test_inbox, "first", 300, 0, 77), 0, "in the same transaction");
	cr_assert(test_settle());
	cr_assert_eq(test_add(&test_inbox, "first", 300, 0, 77), 0, "after it");
	cr_assert(test_settle());
	test_close_store();
	test_open_store();
	cr_assert_eq(test_add(&test_inbox, "first", 300, 0, 77), 0, "after opening anew");
	cr_assert_eq(test_add(&test_inbox, "second", 300, 0, 78), 2);
	cr_assert_eq(test_add(&test_inbox, "third", 300, 0, 0), 3, "an APPEND has no envelope");
	cr_assert_eq(test_add(&test_inbox, "third", 300, 0, 0), 4);
	cr_assert_str_eq(test_uids("INBOX"), "1 2 3 4");
}

Test(mailbox_store, uids_and_modseqs_ascend_and_never_come_twice)
{
	uint64_t before = test_store.modseq, first;

	cr_assert_eq(test_add(&test_inbox, "a", 300, 0, 0), 1);
	first = message(test_inbox.id, 1).modseq;
	cr_assert_gt(first, before);
	cr_assert_eq(test_add(&test_inbox, "b", 300, 0, 0), 2);
	cr_assert_gt(message(test_inbox.id, 2).modseq, first);
	cr_assert_eq(expunge(&test_inbox, 2), STORE_OK);
	test_close_store();
	test_open_store();
	cr_assert_eq(test_add(&test_inbox, "c", 300, 0, 0), 3, "2 was used");
	cr_assert_str_eq(test_uids("INBOX"), "1 3");
}

Test(mailbox_store, the_last_uid_is_followed_by_none)
{
	struct store_message first;
	uint32_t uid;

	cr_assert_eq(test_add(&test_inbox, "first", 300, 0, 0), 1);
	first = message(test_inbox.id, 1);
	test_inbox.uidnext = UINT32_MAX - 1;
	cr_assert_eq(test_add(&test_inbox, "last", 300, 0, 0), UINT32_MAX - 1);
	cr_assert(store_begin(&test_store));
	cr_assert_eq(store_end(&test_store,
			 store_copy(&test_store, &test_inbox, &first, test_store.modseq, &uid)),
	    STORE_LIMIT);
	cr_assert_eq(store_add(&test_store, &test_inbox,
			 &(struct store_new){.octets = SLICE("x"), .size = 1}, &uid),
	    STORE_LIMIT);
	cr_assert_eq(test_inbox.uidnext, UINT32_MAX);
	cr_assert_str_eq(test_uids("INBOX"), "1 4294967294");
}

Test(mailbox_store, a_mailbox_made_again_has_another_uidvalidity)
{
	struct store_mailbox first, second;
	uint64_t id, modseq;

	cr_assert_eq(store_create(&test_store, "Work", SLICE("")), STORE_OK);
	cr_assert_eq(store_create(&test_store, "Work", SLICE("")), STORE_EXISTS);
	cr_assert_eq(store_find(&test_store, "Work", &first), STORE_OK);
	test_add(&first, "lost", BIG, 0, 0);
	modseq = test_store.modseq;
	cr_assert_eq(store_remove(&test_store, "Work", &id), STORE_OK);
	cr_assert_eq(id, first.id);
	cr_assert_eq(store_remove(&test_store, "Work", &id), STORE_NONE);
	test_close_store();
	test_open_store();
	cr_assert_geq(test_store.modseq, modseq, "others were told of it");
	cr_assert_eq(store_create(&test_store, "Work", SLICE("")), STORE_OK);
	cr_assert_eq(store_find(&test_store, "Work", &second), STORE_OK);
	cr_assert_gt(second.uidvalidity, first.uidvalidity);
	cr_assert_neq(second.id, first.id);
	cr_assert_str_eq(test_uids("Work"), "");
	cr_assert_eq(store_remove(&test_store, "INBOX", &id), STORE_CANNOT);
}

static bool
count_gone(void *owner, uint32_t uid)
{
	*(int *)owner += (int)uid;
	return true;
}

Test(mailbox_store, what_is_expunged_is_remembered_by_modseq)
{
	struct store_gone from = {.uid = UINT32_MAX};
	int sum = 0;

	for (int i = 0; i < 3; i++)
		test_add(&test_inbox, "x", 300, 0, 0);
	cr_assert_eq(expunge(&test_inbox, 1), STORE_OK);
	from.modseq = test_store.modseq;
	cr_assert_eq(expunge(&test_inbox, 3), STORE_OK);
	cr_assert(store_each_gone(&test_store, test_inbox.id, &from, count_gone, &sum));
	cr_assert_eq(sum, 3, "only what went after the modseq");
	cr_assert_str_eq(test_uids("INBOX"), "2");
	cr_assert(store_each_gone(&test_store, test_inbox.id, &from, count_gone, &sum));
	cr_assert_eq(sum, 3, "the place was kept");
}

Test(mailbox_store, what_is_undone_takes_no_modseq)
{
	uint64_t before = test_store.modseq;

	cr_assert(store_begin(&test_store));
	cr_assert_gt(store_next_modseq(&test_store, test_inbox.id), before);
	cr_assert_eq(store_end(&test_store, STORE_FULL), STORE_FULL);
	cr_assert_eq(test_store.modseq, before);
	test_add(&test_inbox, "x", 300, 0, 0);
	cr_assert_eq(test_store.modseq, before + 1);
}

Test(mailbox_store, a_copy_shares_its_body_until_both_are_gone)
{
	struct store_mailbox trash;
	struct store_message m;
	uint32_t uid;

	cr_assert_eq(store_find(&test_store, "Trash", &trash), STORE_OK);
	test_add(&test_inbox, "big", BIG, FLAG_SEEN | FLAG_DRAFT, 0);
	m = message(test_inbox.id, 1);
	m.set = 5;
	cr_assert(store_begin(&test_store));
	cr_assert_eq(store_copy(&test_store, &trash, &m, ++test_store.modseq, &uid), STORE_OK);
	cr_assert_eq(store_put_uidnext(&test_store, &trash), STORE_OK);
	store_end(&test_store, STORE_OK);
	cr_assert_eq(uid, 1);
	cr_assert_eq(message(trash.id, 1).set, 5);
	cr_assert_eq(message(trash.id, 1).date, m.date);
	cr_assert_eq(message(trash.id, 1).flags, FLAG_SEEN | FLAG_DRAFT);
	cr_assert_gt(message(trash.id, 1).modseq, m.modseq);
	cr_assert_eq(expunge(&test_inbox, 1), STORE_OK);
	cr_assert(test_settle());
	turns_for(50);
	cr_assert_eq(test_count_files(test_folder, "body-"), 1);
	assert_octets(message(trash.id, 1).body, "big", BIG);
	cr_assert_eq(expunge(&trash, 1), STORE_OK);
	cr_assert(test_settle());
	turns_for(50);
	cr_assert_eq(test_count_files(test_folder, "body-"), 0);
}

Test(mailbox_store, flags_and_keywords_are_kept)
{
	struct buf words = {0}, read = {0};
	struct store_message m;
	uint64_t modseq;
	uint32_t set;

	test_add(&test_inbox, "x", 300, 0, 0);
	m = message(test_inbox.id, 1);
	ipc_list_add(&words, SLICE("$Work"));
	ipc_list_add(&words, SLICE("later"));
	cr_assert(store_begin(&test_store));
	set = store_set(&test_store, buf_slice(&words));
	cr_assert_eq(store_set(&test_store, buf_slice(&words)), set);
	modseq = store_next_modseq(&test_store, test_inbox.id);
	cr_assert_eq(store_flags(&test_store, test_inbox.id,
			 &(struct store_flagging){1, 1, set, 0, FLAG_DELETED}, modseq),
	    STORE_OK);
	store_end(&test_store, STORE_OK);
	test_close_store();
	test_open_store();
	m = message(test_inbox.id, 1);
	cr_assert_eq(m.flags, FLAG_DELETED);
	cr_assert_eq(m.modseq, modseq);
	cr_assert(store_set_keywords(&test_store, m.set, &read));
	cr_assert(slice_equal(buf_slice(&read), buf_slice(&words)));
	buf_fini(&read);
	buf_fini(&words);
}

Test(mailbox_store, mailboxes_and_subscriptions_are_bounded)
{
	static const char fill[] =
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9990)"
	    " INSERT INTO mailbox (name, uidvalidity) SELECT 'm' || i, i FROM n;"
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9990)"
	    " INSERT INTO subscription SELECT 'm' || i FROM n";
	int more = 0;

	cr_assert(commit_begin(test_store.commit));
	cr_assert_eq(db_exec(test_store.db, fill), DB_DONE);
	/* The six that every account has are there. */
	cr_assert_eq(store_rename(&test_store, "m1", "a/b/c/d/e/m1"), STORE_LIMIT, "parents count");
	cr_assert_eq(store_rename(&test_store, "m1", "a/b/m1"), STORE_OK);
	cr_assert_eq(store_create(&test_store, "c/d/e", SLICE("")), STORE_LIMIT);
	cr_assert_eq(store_create(&test_store, "c/d", SLICE("")), STORE_OK);
	while (more < 100) {
		char name[20];

		snprintf(name, sizeof(name), "other%d", more);
		if (store_subscribe(&test_store, name, true) != STORE_OK)
			break;
		more++;
	}
	cr_assert_eq(more, 4);
	cr_assert_eq(store_subscribe(&test_store, "m5", true), STORE_OK, "it is one of them");
	cr_assert_eq(store_subscribe(&test_store, "m5", false), STORE_OK);
	cr_assert_eq(store_subscribe(&test_store, "other", true), STORE_OK);
}

Test(mailbox_store, an_undone_change_leaves_nothing)
{
	struct store_message m;
	uint64_t modseq;

	test_add(&test_inbox, "big", BIG, 0, 0);
	m = message(test_inbox.id, 1);
	cr_assert(store_begin(&test_store));
	modseq = store_next_modseq(&test_store, test_inbox.id);
	cr_assert_eq(store_expunge(&test_store, &test_inbox, &m, modseq), STORE_OK);
	store_end(&test_store, STORE_LIMIT);
	cr_assert(test_settle());
	turns_for(50);
	cr_assert_str_eq(test_uids("INBOX"), "1");
	assert_octets(m.body, "big", BIG);
}

Test(mailbox_store, a_large_body_goes_when_its_expunge_is_durable)
{
	char path[200];
	int fd;

	test_add(&test_inbox, "big", BIG, 0, 0);
	test_add(&test_inbox, "big too", BIG, 0, 0);
	cr_assert(test_settle());
	cr_assert_eq(test_count_files(test_folder, "body-"), 2);
	cr_assert_eq(expunge(&test_inbox, 1), STORE_OK);
	cr_assert_eq(test_count_files(test_folder, "body-"), 2, "not before it is durable");
	cr_assert(test_settle());
	for (int i = 0; i < 1000 && test_count_files(test_folder, "body-") > 1; i++)
		turns_for(10);
	cr_assert_eq(test_count_files(test_folder, "body-"), 1);
	assert_octets(message(test_inbox.id, 2).body, "big too", BIG);
	test_close_store();
	snprintf(path, sizeof(path), "%s/body-of-a-crash", test_folder);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	cr_assert_geq(fd, 0);
	close(fd);
	test_open_store();
	cr_assert_eq(test_count_files(test_folder, "body-"), 1, "what no row names is swept");
	assert_octets(message(test_inbox.id, 2).body, "big too", BIG);
}

/* A disk that takes no more, as a limit on the size of files: the commit fails. */
static void
limit_files(rlim_t octets)
{
	struct rlimit r = {octets, RLIM_INFINITY};

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &r), 0);
}

Test(mailbox_store, a_commit_that_fails_is_refused_and_the_rest_is_there)
{
	struct stat st;
	char path[200];

	test_add(&test_inbox, "kept", 300, 0, 1);
	cr_assert(test_settle());
	snprintf(path, sizeof(path), "%s/mail.db-wal", test_folder);
	cr_assert_eq(stat(path, &st), 0);
	limit_files((rlim_t)st.st_size);
	test_add(&test_inbox, "lost", 300, 0, 2);
	cr_assert_not(test_settle());
	cr_assert_eq(test_broken, 1);
	test_open_store();
	cr_assert_str_eq(test_uids("INBOX"), "1", "it can be read while the disk takes nothing");
	limit_files(RLIM_INFINITY);
	cr_assert_eq(test_add(&test_inbox, "kept", 300, 0, 1), 0);
	cr_assert_gt(test_add(&test_inbox, "lost", 300, 0, 2), 2, "tried again, under another UID");
	cr_assert(test_settle());
	assert_octets(message(test_inbox.id, 1).body, "kept", 300);
}

Test(mailbox_store, a_full_database_refuses_one_message_and_goes_on)
{
	struct buf text = {0};
	struct store_new n = {.date = 1};
	enum store_result r = STORE_OK;
	uint32_t uid, stored = 0;

	db_exec(test_store.db, "PRAGMA max_page_count = 40");
	for (int i = 0; i < 60000; i++)
		buf_add_char(&text, (char)('a' + arc4random_uniform(26)));
	n.octets = buf_slice(&text);
	n.size = text.len;
	while (r == STORE_OK) {
		r = store_add(&test_store, &test_inbox, &n, &uid);
		stored += r == STORE_OK;
	}
	cr_assert_eq(r, STORE_FULL);
	test_settle();
	if (test_store.db == NULL)
		test_open_store();
	db_exec(test_store.db, "PRAGMA max_page_count = 100000");
	cr_assert_eq(store_add(&test_store, &test_inbox, &n, &uid), STORE_OK);
	cr_assert(test_settle());
	buf_fini(&text);
}

/* The order in which messages were changed is not that of their UIDs. */
Test(mailbox_store, a_removed_mailbox_leaves_no_body)
{
	struct store_mailbox box;
	uint64_t id;
	bool is_empty = false;

	cr_assert_eq(store_create(&test_store, "Old", SLICE("")), STORE_OK);
	cr_assert_eq(store_find(&test_store, "Old", &box), STORE_OK);
	for (int i = 0; i < 700; i++)
		test_add(&box, "old", 200, 0, 0);
	cr_assert(store_begin(&test_store));
	for (uint32_t uid = 400; uid > 0; uid -= 2) {
		struct store_flagging f = {.first = uid, .last = uid, .add = FLAG_SEEN};

		cr_assert_eq(store_flags(&test_store, box.id, &f, ++test_store.modseq), STORE_OK);
	}
	store_end(&test_store, STORE_OK);
	test_add(&test_inbox, "kept", 200, 0, 0);
	cr_assert_eq(store_remove(&test_store, "Old", &id), STORE_OK);
	while (!is_empty)
		cr_assert_eq(store_empty_removed(&test_store, id, &is_empty), STORE_OK);
	cr_assert_eq(test_count("SELECT count(*) FROM removed"), 0);
	cr_assert_eq(test_count("SELECT count(*) FROM body"), 1);
	cr_assert_eq(test_count("SELECT count(*) FROM message"), 1);
}

/* A table that cannot be written any more loses no mail: nobody hears of a success. */
Test(mailbox_store, a_mark_that_cannot_be_made_is_no_delivery_before)
{
	struct store_new n = {.octets = SLICE("Subject: x\r\n\r\n"), .size = 14, .envelope = 7};
	uint32_t uid;

	db_exec(test_store.db, "CREATE TRIGGER no BEFORE INSERT ON delivered BEGIN"
			       " SELECT RAISE(ABORT, 'damaged'); END");
	cr_assert_eq(store_add(&test_store, &test_inbox, &n, &uid), STORE_BROKEN);
	cr_assert_str_eq(test_uids("INBOX"), "");
	db_exec(test_store.db, "DROP TRIGGER no");
	cr_assert_eq(store_add(&test_store, &test_inbox, &n, &uid), STORE_OK);
	cr_assert_eq(store_add(&test_store, &test_inbox, &n, &uid), STORE_OK, "again: once");
	cr_assert_str_eq(test_uids("INBOX"), "1");
}

Test(mailbox_store, a_body_that_others_may_have_is_not_released)
{
	struct store_mailbox trash;
	struct store_message m;
	uint32_t uid;

	cr_assert_eq(store_find(&test_store, "Trash", &trash), STORE_OK);
	test_add(&test_inbox, "shared", 200, 0, 0);
	m = message(test_inbox.id, 1);
	cr_assert(store_begin(&test_store));
	cr_assert_eq(store_copy(&test_store, &trash, &m, ++test_store.modseq, &uid), STORE_OK);
	cr_assert_eq(store_put_uidnext(&test_store, &trash), STORE_OK);
	store_end(&test_store, STORE_OK);
	db_exec(test_store.db, "CREATE TRIGGER no BEFORE UPDATE ON share BEGIN"
			       " SELECT RAISE(ABORT, 'damaged'); END");
	cr_assert_eq(expunge(&test_inbox, 1), STORE_BROKEN);
	assert_octets(message(trash.id, 1).body, "shared", 200);
	cr_assert_str_eq(test_uids("INBOX"), "1");
}
