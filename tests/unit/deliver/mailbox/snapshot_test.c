/* A view told from memory is the view that would be read. */
#include "tests/unit/deliver/mailbox/asker.h"

#include "common/ipc/packed.h"
#include "deliver/mailbox/snapshot.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/message.h"

#include <string.h>

enum { COUNT = 800, ROUNDS = 60 };

static struct asker a;
static struct account *account;

static void
set_up(void)
{
	struct error why = {""};
	struct store_mailbox inbox;

	test_begin();
	asker_open(&a, verbs);
	account = account_open(SLICE("u@a.test"), &why);
	cr_assert_not_null(account, "%s", why.text);
	cr_assert_eq(store_find(&account->store, "INBOX", &inbox), STORE_OK);
	for (int i = 0; i < COUNT; i++) {
		struct store_new n = {.octets = SLICE("Subject: x\r\n\r\n")};
		uint32_t uid;

		n.size = n.octets.len;
		cr_assert_eq(store_add(&account->store, &inbox, &n, &uid), STORE_OK);
	}
	asker_login(&a, "u@a.test");
}

static void
tear_down(void)
{
	account_release(account);
	asker_close(&a);
	accounts_close_all();
	test_end();
}

TestSuite(mailbox_snapshot, .init = set_up, .fini = tear_down);

static struct slice
range(uint32_t first, uint32_t last)
{
	static struct buf b;

	buf_clear(&b);
	am_range_add(&b, first, last);
	return buf_slice(&b);
}

static void
is_kept(bool kept)
{
	struct store_mailbox inbox;
	struct slice records;

	cr_assert_eq(store_find(&account->store, "INBOX", &inbox), STORE_OK);
	cr_assert_eq(snapshot_find(account, inbox.id, &records), kept);
}

/* What a view tells now; and the same after all was forgotten. */
static void
compare(void)
{
	struct buf told = {0};

	asker_view(&a, "INBOX"); /* which tells what is recent, once */
	asker_view(&a, "INBOX");
	buf_add_slice(&told, buf_slice(&a.records));
	snapshots_forget(account);
	asker_view(&a, "INBOX");
	cr_assert(slice_equal(buf_slice(&told), buf_slice(&a.records)));
	buf_fini(&told);
}

static void
change(unsigned round)
{
	uint32_t first = 1 + arc4random_uniform(COUNT), last = first + arc4random_uniform(8);
	struct am_store store = {.handle = a.handle, .uids = range(first, last)};
	struct am_expunge expunge = {.handle = a.handle, .uids = store.uids};

	switch (round % 4) {
	case 0:
		store.mode = STORE_ADD;
		store.flags = FLAG_SEEN;
		asker_ask(&a, &am_store_schema, &store);
		break;
	case 1:
		asker_ask(&a, &am_expunge_schema, &expunge);
		break;
	case 2:
		asker_append(&a, "INBOX", "Subject: new\r\n\r\n", FLAG_FLAGGED);
		break;
	default: /* it comes and goes unseen */
		asker_append(&a, "INBOX", "Subject: short\r\n\r\n", 0);
		expunge.uids = range(a.uid, a.uid);
		asker_ask(&a, &am_expunge_schema, &expunge);
	}
}

Test(mailbox_snapshot, what_changed_is_told)
{
	asker_view(&a, "INBOX");
	is_kept(true);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i <= round % 3; i++)
			change(round + i);
		is_kept(true);
		compare();
	}
}

/* What it needs is kept for it, and then it goes. */
Test(mailbox_snapshot, one_that_nobody_uses_does_not_keep_the_past)
{
	struct store_mailbox inbox;
	uint64_t before;

	asker_view(&a, "INBOX");
	is_kept(true);
	cr_assert_eq(store_find(&account->store, "INBOX", &inbox), STORE_OK);
	before = account->store.modseq;
	cr_assert_eq(snapshot_known(account, inbox.id, before), before);
	cr_assert_eq(snapshot_known(account, inbox.id, before + 1000), before);
	is_kept(true);
	cr_assert_eq(snapshot_known(account, inbox.id, before + 1001), before + 1001);
	is_kept(false);
	cr_assert_eq(snapshot_known(account, inbox.id, before), before, "there is none");
}

Test(mailbox_snapshot, a_mailbox_that_became_small_is_not_kept)
{
	struct am_expunge expunge = {.handle = a.handle, .uids = range(1, COUNT - 10)};

	asker_view(&a, "INBOX");
	is_kept(true);
	asker_ask(&a, &am_expunge_schema, &expunge);
	asker_view(&a, "INBOX");
	is_kept(false);
	compare();
}

Test(mailbox_snapshot, an_inbox_renamed_away_is_empty)
{
	struct am_rename rename = {
	    .handle = a.handle, .name = SLICE("INBOX"), .to = SLICE("elsewhere")};

	asker_view(&a, "INBOX");
	asker_ask(&a, &am_rename_schema, &rename);
	asker_view(&a, "INBOX");
	cr_assert_eq(a.records.len, 0);
	asker_view(&a, "elsewhere");
	cr_assert_neq(a.records.len, 0);
}

Test(mailbox_snapshot, all_of_them_have_one_limit)
{
	struct buf records = {0};
	struct slice found;

	for (uint64_t mailbox = 1; mailbox <= 4; mailbox++) {
		memset(buf_room(&records, LIMIT_SNAPSHOTS / 3), 0, LIMIT_SNAPSHOTS / 3);
		buf_grew(&records, LIMIT_SNAPSHOTS / 3 / AM_RECORD * AM_RECORD);
		snapshot_keep(account, mailbox + 1000, account->store.modseq, &records);
		cr_assert_eq(records.len, 0);
	}
	cr_assert(snapshot_find(account, 1004, &found));
	cr_assert_not(snapshot_find(account, 1001, &found), "the longest unused went");
}

/* So many that they do not all fit into what may wait for an asker. */
Test(mailbox_snapshot, a_large_view_goes_out_as_it_is_taken, .timeout = 120)
{
	enum { MANY = 200000 };
	struct am_view view = {.handle = a.handle, .name = SLICE("INBOX")};
	size_t all;

	cr_assert(commit_begin(account->store.commit));
	cr_assert_eq(db_exec(account->store.db,
			 "WITH RECURSIVE n (uid) AS (SELECT 801 UNION ALL SELECT uid + 1 FROM n"
			 " WHERE uid < 200000) INSERT INTO message"
			 " SELECT 1, uid, 5, 0, 0, 0, 10, 1 FROM n"),
	    DB_DONE);
	cr_assert_eq(db_exec(account->store.db,
			 "UPDATE mailbox SET uidnext = 200001, recent = 200001 WHERE id = 1"),
	    DB_DONE);
	snapshots_forget(account);
	asker_view(&a, "INBOX");
	all = a.records.len;
	is_kept(true);
	asker_send(&a, &am_view_schema, &view);
	while (a.end == NULL) {
		cr_assert_lt(channel_pending(a.theirs), CHANNEL_HIGH + (size_t)2 * LIMIT_INLINE);
		turns_for(1);
	}
	cr_assert_eq(a.end, &am_ok_schema);
	cr_assert_eq(a.records.len, all);
	cr_assert_gt(all, MANY);
}
