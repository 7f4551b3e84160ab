/* Changes of many messages at once: those that lie together are changed together. */
#include "tests/unit/deliver/mailbox/asker.h"

#include "common/ipc/packed.h"
#include "deliver/mailbox/store/keyword.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/message.h"

enum { COUNT = 150 }; /* messages, more than a portion */

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

TestSuite(mailbox_change, .init = set_up, .fini = tear_down);

/* STORE of messages, which are pairs of UIDs and end with 0, with a keyword or none (""). */
static void
store(uint8_t mode, uint8_t flags, const char *keyword, const uint32_t *ranges)
{
	struct am_store m = {.handle = a.handle, .mode = mode, .flags = flags};
	struct buf uids = {0}, words = {0};

	for (; *ranges != 0; ranges += 2)
		am_range_add(&uids, ranges[0], ranges[1]);
	if (keyword[0] != '\0')
		ipc_list_add(&words, slice_of(keyword));
	m.uids = buf_slice(&uids);
	m.keywords = buf_slice(&words);
	asker_ask(&a, &am_store_schema, &m);
	cr_assert_eq(a.end, &am_ok_schema);
	buf_fini(&uids);
	buf_fini(&words);
}

static struct {
	struct store *store;
	uint8_t flags[COUNT + 1];
	uint64_t modseq[COUNT + 1];
	char keywords[COUNT + 1][32];
} now;

static bool
take(void *owner, const struct store_message *m)
{
	struct buf words = {0};
	struct slice list, word;
	char *at = now.keywords[m->uid];

	now.flags[m->uid] = m->flags;
	now.modseq[m->uid] = m->modseq;
	cr_assert(store_set_keywords(now.store, m->set, &words));
	list = buf_slice(&words);
	*at = '\0';
	while (ipc_list_next(&list, &word)) {
		strncat(at, " ", 2);
		strncat(at, word.data, word.len);
	}
	buf_fini(&words);
	return true;
}

/* What the store has of each message. */
static void
look(void)
{
	struct error why = {""};
	struct account *acc = account_open(SLICE("u@a.test"), &why);
	struct store_mailbox inbox;

	cr_assert_not_null(acc);
	now.store = &acc->store;
	cr_assert_eq(store_find(&acc->store, "INBOX", &inbox), STORE_OK);
	store_each(&acc->store, inbox.id, 1, COUNT, take, NULL);
	account_release(acc);
}

static void
assert_is(uint32_t uid, uint8_t flags, const char *keywords)
{
	cr_assert_eq(now.flags[uid], flags, "flags of %u: %u", uid, now.flags[uid]);
	cr_assert_str_eq(now.keywords[uid], keywords, "of %u", uid);
}

static void
fill(int count)
{
	for (int i = 0; i < count; i++)
		asker_append(&a, "INBOX", "Subject: x\r\n\r\n", i % 3 == 1 ? FLAG_SEEN : 0);
	asker_view(&a, "INBOX");
}

Test(mailbox_change, what_lies_between_two_ranges_stays)
{
	static const uint32_t ranges[] = {1, 3, 5, 5, 7, 8, 0};

	fill(9);
	store(STORE_ADD, FLAG_FLAGGED, "", ranges);
	look();
	for (uint32_t uid = 1; uid <= 9; uid++) {
		bool is_chosen = uid != 4 && uid != 6 && uid != 9;
		uint8_t before = uid % 3 == 2 ? FLAG_SEEN : 0;

		assert_is(uid, is_chosen ? before | FLAG_FLAGGED : before, "");
	}
}

Test(mailbox_change, each_mode_leaves_the_other_flags_as_it_should)
{
	static const uint32_t all[] = {1, COUNT, 0};

	fill(COUNT);
	store(STORE_ADD, FLAG_FLAGGED | FLAG_DRAFT, "", all);
	store(STORE_REMOVE, FLAG_DRAFT, "", all);
	look();
	for (uint32_t uid = 1; uid <= COUNT; uid++)
		assert_is(uid, FLAG_FLAGGED | (uid % 3 == 2 ? FLAG_SEEN : 0), "");
	store(STORE_REPLACE, FLAG_ANSWERED, "", all);
	look();
	for (uint32_t uid = 1; uid <= COUNT; uid++)
		assert_is(uid, FLAG_ANSWERED, "");
}

Test(mailbox_change, messages_with_other_keywords_keep_them)
{
	static const uint32_t some[] = {3, 4, 0}, all[] = {1, 6, 0}, last[] = {6, 6, 0};

	fill(6);
	store(STORE_ADD, 0, "$Work", some);
	store(STORE_ADD, FLAG_FLAGGED, "later", all);
	store(STORE_REMOVE, FLAG_FLAGGED, "later", last);
	look();
	assert_is(2, FLAG_SEEN | FLAG_FLAGGED, " later");
	assert_is(3, FLAG_FLAGGED, " $Work later");
	assert_is(4, FLAG_FLAGGED, " $Work later");
	assert_is(5, FLAG_SEEN | FLAG_FLAGGED, " later");
	assert_is(6, 0, "");
	store(STORE_REPLACE, FLAG_SEEN, "$Done", all);
	look();
	for (uint32_t uid = 1; uid <= 6; uid++)
		assert_is(uid, FLAG_SEEN, " $Done");
}

/* Others are not told of what is as it was. */
Test(mailbox_change, what_has_its_flags_already_keeps_its_modseq)
{
	static const uint32_t all[] = {1, 6, 0};
	uint64_t before[7];

	fill(6);
	look();
	memcpy(before, now.modseq, sizeof(before));
	store(STORE_ADD, FLAG_SEEN, "", all);
	look();
	for (uint32_t uid = 1; uid <= 6; uid++) {
		assert_is(uid, FLAG_SEEN, "");
		if (uid % 3 == 2)
			cr_assert_eq(now.modseq[uid], before[uid], "%u", uid);
		else
			cr_assert_gt(now.modseq[uid], before[6], "%u", uid);
	}
}

static int64_t
number(const char *sql)
{
	struct statement *st = db_statement(now.store->db, sql);
	int64_t n = statement_step(st) == DB_ROW ? statement_number(st, 0) : -1;

	statement_reset(st);
	return n;
}

static void
copy(const char *to, const uint32_t *ranges)
{
	struct am_copy m = {.handle = a.handle, .to = slice_of(to)};
	struct buf uids = {0};

	for (; *ranges != 0; ranges += 2)
		am_range_add(&uids, ranges[0], ranges[1]);
	m.uids = buf_slice(&uids);
	asker_ask(&a, &am_copy_schema, &m);
	buf_fini(&uids);
}

static void
expunge_all(const char *name)
{
	struct am_expunge m = {.handle = a.handle};
	struct buf uids = {0};

	asker_view(&a, name);
	am_range_add(&uids, 1, 1000);
	m.uids = buf_slice(&uids);
	asker_ask(&a, &am_expunge_schema, &m);
	cr_assert_eq(a.end, &am_ok_schema);
	buf_fini(&uids);
}

/* Whatever lies between them: their copies lie one behind the other, as they did. */
Test(mailbox_change, copies_of_many_are_what_was_copied)
{
	static const uint32_t hole[] = {3, 3, 0}, ranges[] = {1, 4, 6, 6, 8, 9, 0},
			      two[] = {8, 9, 0};
	struct am_expunge gone = {.handle = a.handle};
	struct buf uids = {0};

	fill(9);
	store(STORE_ADD, 0, "$Work", two);
	am_range_add(&uids, hole[0], hole[1]);
	gone.uids = buf_slice(&uids);
	asker_ask(&a, &am_expunge_schema, &gone);
	buf_fini(&uids);
	copy("Trash", ranges);
	cr_assert_eq(a.end, &am_copied_schema);
	copy("INBOX", two);
	cr_assert_eq(a.end, &am_copied_schema);
	look();
	assert_is(10, FLAG_SEEN, " $Work");
	assert_is(11, 0, " $Work");
	cr_assert_eq(
	    number(
		"SELECT count(*) FROM message c JOIN mailbox b ON b.id = c.mailbox JOIN message o"
		" ON o.body = c.body AND o.flags = c.flags AND o.kwset = c.kwset AND o.date = "
		"c.date"
		" AND o.mailbox <> c.mailbox AND o.uid < 10 WHERE b.name = 'Trash' AND c.uid ="
		" CASE o.uid WHEN 1 THEN 1 WHEN 2 THEN 2 WHEN 4 THEN 3 WHEN 6 THEN 4 WHEN 8 THEN 5"
		" WHEN 9 THEN 6 END"),
	    6);
	cr_assert_eq(number("SELECT uidnext FROM mailbox WHERE name = 'Trash'"), 7);
	cr_assert_eq(number("SELECT uses FROM share JOIN message USING (body) WHERE uid = 8"), 3);
	cr_assert_eq(
	    number("SELECT count(DISTINCT message.modseq) FROM message JOIN mailbox ON id = mailbox"
		   " WHERE name = 'Trash'"),
	    1);
	/* The bodies stay as long as anybody has them. */
	expunge_all("INBOX");
	cr_assert_eq(number("SELECT count(*) FROM body"), 6);
	expunge_all("Trash");
	cr_assert_eq(number("SELECT count(*) FROM body"), 0);
	cr_assert_eq(number("SELECT count(*) FROM share"), 0);
}

Test(mailbox_change, many_that_find_no_numbers_are_not_copied)
{
	static const uint32_t all[] = {1, 5, 0};

	fill(5);
	look();
	cr_assert(commit_begin(now.store->commit));
	cr_assert_eq(
	    db_exec(now.store->db, "UPDATE mailbox SET uidnext = 4294967291 WHERE name = 'Trash'"),
	    DB_DONE);
	copy("Trash", all);
	cr_assert_eq(a.code, AM_LIMIT);
	cr_assert_eq(
	    number(
		"SELECT count(*) FROM message JOIN mailbox ON id = mailbox WHERE name = 'Trash'"),
	    0);
	cr_assert_eq(number("SELECT count(*) FROM share"), 0);
}

static void
rename_inbox(const char *to, const struct ipc_schema *end)
{
	struct am_rename m = {.handle = a.handle, .name = SLICE("inbox"), .to = slice_of(to)};

	asker_ask(&a, &am_rename_schema, &m);
	cr_assert_eq(a.end, end, "to %s", to);
}

static uint32_t
count_in(const char *name)
{
	struct am_status m = {.handle = a.handle, .name = slice_of(name)};

	asker_ask(&a, &am_status_schema, &m);
	cr_assert_eq(a.end, &am_status_is_schema);
	return a.messages;
}

/* RFC 9051 6.3.6. */
Test(mailbox_change, renaming_inbox_moves_its_messages)
{
	struct am_create child = {.handle = a.handle, .name = SLICE("INBOX/child")};
	struct am_changes changes = {.handle = a.handle};

	asker_ask(&a, &am_create_schema, &child);
	asker_append(&a, "INBOX/child", "Subject: x\r\n\r\n", 0);
	fill(COUNT);
	changes.since = a.modseq;
	rename_inbox("INBOX/old", &am_ok_schema);
	cr_assert_eq(count_in("INBOX"), 0);
	cr_assert_eq(count_in("INBOX/old"), COUNT);
	cr_assert_eq(count_in("INBOX/child"), 1, "children stay");
	asker_ask(&a, &am_changes_schema, &changes);
	cr_assert(slice_has_prefix(buf_slice(&a.gone), SLICE("1 2 3 ")), "who views it is told");
	asker_append(&a, "INBOX", "Subject: x\r\n\r\n", 0);
	cr_assert_eq(a.uid, COUNT + 1);
	rename_inbox("INBOX/old", &am_no_schema);
	cr_assert_eq(a.code, AM_ALREADYEXISTS);
	rename_inbox("INBOX", &am_no_schema);
	cr_assert_eq(count_in("INBOX"), 1);
	asker_view(&a, "INBOX/old");
	cr_assert(slice_has_prefix(buf_slice(&a.records), SLICE("1:32 2:33 3:32 ")), "all is new");
	rename_inbox("nobody views it", &am_ok_schema);
	cr_assert_eq(count_in("nobody views it"), 1);
	rename_inbox("nothing is in it", &am_ok_schema);
	cr_assert_eq(count_in("nothing is in it"), 0);
}
