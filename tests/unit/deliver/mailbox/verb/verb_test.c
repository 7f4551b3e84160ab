/* The verbs as imapd and pop3d use them: grants, views, changes of many messages, broken stores. */
#include "tests/unit/deliver/mailbox/asker.h"

#include "common/base/moment.h"
#include "common/ipc/packed.h"
#include "deliver/mailbox/grant.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/message.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct asker a, b, queue;

static void
set_up(void)
{
	test_begin();
	asker_open(&a, verbs);
	asker_open(&b, verbs);
	asker_open(&queue, delivery);
}

static void
tear_down(void)
{
	asker_close(&a);
	asker_close(&b);
	asker_close(&queue);
	accounts_close_all();
	test_end();
}

TestSuite(mailbox_verb, .init = set_up, .fini = tear_down);

static struct slice
range(uint32_t first, uint32_t last)
{
	static struct buf packed;
	static char octets[8];

	buf_clear(&packed);
	am_range_add(&packed, first, last);
	memcpy(octets, packed.data, sizeof(octets));
	buf_fini(&packed);
	return slice_make(octets, sizeof(octets));
}

static const char *
text(struct buf *b_)
{
	return b_->len == 0 ? "" : buf_text(b_);
}

/* Messages straight into an account's INBOX, so many that the verbs need several slices. */
static void
fill(const char *account, int count)
{
	struct error why = {""};
	struct account *acc = account_open(slice_of(account), &why);
	struct store_mailbox inbox;
	struct store_new n = {.date = 1577880000};
	struct buf message = {0};
	uint32_t uid;

	cr_assert_not_null(acc, "%s", why.text);
	cr_assert_eq(store_find(&acc->store, "INBOX", &inbox), STORE_OK);
	test_message(&message, "filler", 3000);
	n.octets = buf_slice(&message);
	n.size = message.len;
	for (int i = 0; i < count; i++)
		cr_assert_eq(store_add(&acc->store, &inbox, &n, &uid), STORE_OK);
	buf_fini(&message);
	account_release(acc);
}

static void
try_token(struct slice token, bool opens)
{
	struct am_open open = {.token = token};

	asker_ask(&a, &am_open_schema, &open);
	cr_assert_eq(a.end, opens ? &am_opened_schema : &am_no_schema);
	cr_assert(opens || a.code == AM_AUTHENTICATIONFAILED);
}

Test(mailbox_verb, a_grant_opens_once_before_it_lapses)
{
	char token[TOKEN_OCTETS] = "first", other[TOKEN_OCTETS] = "other";

	try_token(slice_make(token, sizeof(token)), false);
	grant_add(slice_make(token, sizeof(token)), SLICE("u@a.test"), 60);
	try_token(slice_make(other, sizeof(other)), false);
	try_token(slice_make(token, sizeof(token)), true);
	try_token(slice_make(token, sizeof(token)), false);
	grant_add(slice_make(other, sizeof(other)), SLICE("u@a.test"), 0);
	try_token(slice_make(other, sizeof(other)), false);
}

Test(mailbox_verb, so_many_logins_wait_to_be_used)
{
	char token[TOKEN_OCTETS] = {0}, account[LIMIT_USER + 1];

	for (uint32_t i = 0; i <= LIMIT_GRANTS; i++) {
		memcpy(token, &i, sizeof(i));
		grant_add(slice_make(token, sizeof(token)), SLICE("u@a.test"), 60);
	}
	cr_assert_not(grant_take(slice_make(token, sizeof(token)), account), "one too many");
	memset(token, 0, sizeof(token));
	cr_assert(grant_take(slice_make(token, sizeof(token)), account));
	for (uint32_t i = 1; i < LIMIT_GRANTS; i++) {
		memcpy(token, &i, sizeof(i));
		cr_assert(grant_take(slice_make(token, sizeof(token)), account));
	}
}

static const struct ipc_schema *
ask_for_file(uint32_t handle)
{
	struct am_spool spool = {.handle = handle};

	asker_ask(&a, &am_spool_schema, &spool);
	if (a.end == &am_spooled_schema)
		close(a.spool_fd);
	return a.end;
}

Test(mailbox_verb, so_many_large_messages_come_in_at_once)
{
	char account[20];
	uint32_t first = 0;

	for (int i = 0; i < LIMIT_APPENDS; i++) {
		snprintf(account, sizeof(account), "u%d@a.test", i / LIMIT_ACCOUNT_APPENDS);
		asker_login(&a, account);
		first = first == 0 ? a.handle : first;
		cr_assert_eq(ask_for_file(a.handle), &am_spooled_schema, "file %d", i);
	}
	asker_login(&a, "another@a.test");
	cr_assert_eq(ask_for_file(a.handle), &am_no_schema);
	cr_assert_eq(ask_for_file(first), &am_spooled_schema, "it gives up what it had");
}

Test(mailbox_verb, a_handle_is_its_askers_own)
{
	struct am_status status = {.name = SLICE("INBOX")};

	asker_login(&a, "one@a.test");
	asker_append(&a, "INBOX", "Subject: secret\r\n\r\n", 0);
	asker_login(&b, "two@a.test");
	status.handle = a.handle;
	asker_ask(&b, &am_status_schema, &status);
	cr_assert_eq(b.end, &am_no_schema, "a's handle tells b nothing");
	status.handle = b.handle;
	asker_ask(&b, &am_status_schema, &status);
	cr_assert_eq(b.end, &am_status_is_schema);
	cr_assert_eq(b.messages, 0, "the account is b's own");
}

Test(mailbox_verb, names_cannot_lead_out_of_the_folder)
{
	char path[200];

	asker_login(&a, "../../x@../y");
	asker_append(&a, "INBOX", "Subject: x\r\n\r\n", 0);
	snprintf(path, sizeof(path), "%s/%%2E.%%2Fy/%%2E.%%2F..%%2Fx/mail.db", test_folder);
	cr_assert_eq(access(path, F_OK), 0, "%s", path);
}

Test(mailbox_verb, one_pop3_session_has_the_maildrop)
{
	char token[TOKEN_OCTETS] = "pop";
	struct am_open open = {.token = slice_make(token, sizeof(token)), .exclusive = 1};
	struct am_close close = {0};

	grant_add(open.token, SLICE("u@a.test"), 60);
	asker_ask(&a, &am_open_schema, &open);
	cr_assert_eq(a.end, &am_opened_schema);
	grant_add(open.token, SLICE("u@a.test"), 60);
	asker_ask(&b, &am_open_schema, &open);
	cr_assert_eq(b.end, &am_no_schema);
	cr_assert_eq(b.code, AM_INUSE);
	close.handle = a.handle;
	am_close_send(a.mine, 0, &close, -1);
	turns_for(20);
	grant_add(open.token, SLICE("u@a.test"), 60);
	asker_ask(&b, &am_open_schema, &open);
	cr_assert_eq(b.end, &am_opened_schema);
}

Test(mailbox_verb, changes_tell_what_happened_since)
{
	struct am_changes changes;
	struct am_store store;
	struct am_expunge expunge;

	asker_login(&a, "u@a.test");
	asker_append(&a, "INBOX", "Subject: 1\r\n\r\n", 0);
	asker_append(&a, "INBOX", "Subject: 2\r\n\r\n", FLAG_SEEN);
	asker_append(&a, "INBOX", "Subject: 3\r\n\r\n", 0);
	asker_view(&a, "INBOX");
	cr_assert_str_eq(text(&a.records), "1:32 2:33 3:32");
	changes = (struct am_changes){.handle = a.handle, .since = a.modseq};
	asker_login(&b, "u@a.test");
	asker_view(&b, "INBOX");
	store = (struct am_store){
	    .handle = b.handle, .uids = range(1, 1), .mode = STORE_ADD, .flags = FLAG_DELETED};
	asker_ask(&b, &am_store_schema, &store);
	cr_assert_eq(b.end, &am_ok_schema);
	store.uids = range(2, 2);
	asker_ask(&b, &am_store_schema, &store);
	store.mode = STORE_REMOVE;
	store.uids = range(2, 2);
	asker_ask(&b, &am_store_schema, &store);
	expunge = (struct am_expunge){.handle = b.handle, .uids = range(1, 9), .only_deleted = 1};
	asker_ask(&b, &am_expunge_schema, &expunge);
	cr_assert_eq(b.end, &am_ok_schema);
	asker_append(&b, "INBOX", "Subject: 4\r\n\r\n", FLAG_DRAFT);
	turns_for(20);
	cr_assert_gt(a.changed, 0, "it was told that there is news");
	asker_ask(&a, &am_changes_schema, &changes);
	cr_assert_eq(a.end, &am_ok_schema);
	cr_assert_str_eq(text(&a.records), "2:1 4:48");
	cr_assert_str_eq(text(&a.gone), "1");
	changes.since = a.modseq;
	asker_ask(&a, &am_changes_schema, &changes);
	cr_assert_str_eq(text(&a.records), "");
	cr_assert_str_eq(text(&a.gone), "");
}

static void
add_keyword(struct asker *by, const char *keyword)
{
	struct buf list = {0};
	struct am_store store = {.handle = by->handle, .uids = range(1, 1), .mode = STORE_ADD};

	ipc_list_add(&list, slice_of(keyword));
	store.keywords = buf_slice(&list);
	asker_ask(by, &am_store_schema, &store);
	cr_assert_eq(by->end, &am_ok_schema);
	buf_fini(&list);
}

Test(mailbox_verb, changes_tell_the_keywords_that_are_new)
{
	struct am_changes changes;

	asker_login(&a, "u@a.test");
	asker_append(&a, "INBOX", "Subject: 1\r\n\r\n", 0);
	asker_view(&a, "INBOX");
	add_keyword(&a, "one");
	add_keyword(&a, "two");
	changes = (struct am_changes){.handle = a.handle, .since = a.modseq};
	asker_ask(&a, &am_changes_schema, &changes);
	cr_assert_eq(a.set_count, 2, "it has none yet");
	changes.set = a.set;
	changes.since = a.modseq;
	asker_ask(&a, &am_changes_schema, &changes);
	cr_assert_eq(a.set_count, 0);
	add_keyword(&a, "three");
	asker_ask(&a, &am_changes_schema, &changes);
	cr_assert_eq(a.set_count, 1);
	cr_assert_gt(a.set, changes.set);
}

static int64_t
count_of(const char *account, const char *sql)
{
	struct error why = {""};
	struct account *acc = account_open(slice_of(account), &why);
	struct statement *st;
	int64_t count;

	cr_assert_not_null(acc, "%s", why.text);
	st = db_statement(acc->store.db, sql);
	cr_assert_eq(statement_step(st), DB_ROW);
	count = statement_number(st, 0);
	statement_reset(st);
	account_release(acc);
	return count;
}

Test(mailbox_verb, others_have_their_turn_while_a_mailbox_is_emptied)
{
	struct am_rename rename = {.name = SLICE("INBOX"), .to = SLICE("old")};
	struct am_remove remove_old = {.name = SLICE("old")};
	struct am_status status = {.name = SLICE("old")};

	fill("u@a.test", 6000);
	asker_login(&a, "u@a.test");
	asker_login(&b, "u@a.test");
	rename.handle = remove_old.handle = a.handle;
	status.handle = b.handle;
	asker_send(&a, &am_rename_schema, &rename);
	asker_ask(&b, &am_status_schema, &status);
	cr_assert_null(a.end, "b did not have to wait for a");
	asker_wait(&a);
	cr_assert_eq(a.end, &am_ok_schema);
	asker_send(&a, &am_remove_schema, &remove_old);
	do
		asker_ask(&b, &am_status_schema, &status);
	while (b.end == &am_status_is_schema);
	cr_assert_eq(b.code, AM_NONEXISTENT, "it is gone at once");
	cr_assert_gt(count_of("u@a.test", "SELECT count(*) FROM message"), 0);
	asker_wait(&a);
	cr_assert_eq(a.end, &am_ok_schema);
	cr_assert_eq(count_of("u@a.test", "SELECT count(*) FROM message"), 0);
	cr_assert_eq(count_of("u@a.test", "SELECT count(*) FROM body"), 0);
}

static void
expunge_by(struct asker *by, uint32_t first, uint32_t last)
{
	struct am_expunge expunge = {.handle = by->handle, .uids = range(first, last)};

	asker_ask(by, &am_expunge_schema, &expunge);
	cr_assert_eq(by->end, &am_ok_schema);
}

static void
ask_changes(struct asker *by, uint64_t since)
{
	struct am_changes changes = {.handle = by->handle, .since = since};

	asker_ask(by, &am_changes_schema, &changes);
}

Test(mailbox_verb, what_all_views_know_is_forgotten)
{
	uint64_t first;

	fill("u@a.test", 300);
	asker_login(&a, "u@a.test");
	asker_login(&b, "u@a.test");
	asker_view(&a, "INBOX");
	asker_view(&b, "INBOX");
	first = b.modseq;
	for (uint32_t uid = 1; uid <= 100; uid++) {
		expunge_by(&a, uid, uid);
		ask_changes(&a, a.modseq);
	}
	cr_assert_eq(
	    count_of("u@a.test", "SELECT count(*) FROM expunged"), 100, "b has not asked yet");
	ask_changes(&b, first);
	cr_assert(slice_has_prefix(buf_slice(&b.gone), SLICE("1 2 3 ")));
	cr_assert_eq(slice_find(buf_slice(&b.gone), ':'), -1);
	expunge_by(&a, 101, 101);
	cr_assert_eq(count_of("u@a.test", "SELECT count(*) FROM expunged"), 101,
	    "nor said that it got the answer");
	ask_changes(&b, first);
	cr_assert(
	    slice_has_suffix_nocase(buf_slice(&b.gone), SLICE(" 100 101")), "%s", text(&b.gone));
	ask_changes(&b, b.modseq);
	ask_changes(&a, a.modseq);
	ask_changes(&a, a.modseq);
	expunge_by(&a, 102, 102);
	cr_assert_eq(count_of("u@a.test", "SELECT count(*) FROM expunged"), 1);
	ask_changes(&b, b.modseq);
	cr_assert_str_eq(text(&b.gone), "102");
	/* Who asks again for what it said it knew cannot be told the truth. */
	ask_changes(&b, first);
	cr_assert_eq(b.end, &am_no_schema);
	turns_for(20);
	cr_assert_eq(b.removed, 1, "the view ended");
	asker_view(&b, "INBOX");
	cr_assert_eq(b.end, &am_ok_schema);
	cr_assert(slice_has_prefix(buf_slice(&b.records), SLICE("103:")));
}

Test(mailbox_verb, forgetting_goes_in_portions)
{
	fill("u@a.test", 900);
	asker_login(&a, "u@a.test");
	asker_view(&a, "INBOX");
	expunge_by(&a, 1, 700);
	cr_assert_eq(count_of("u@a.test", "SELECT count(*) FROM expunged"), 700);
	for (int left = 700; left > 128; left -= 127) {
		asker_view(&a, "INBOX");
		expunge_by(
		    &a, 701 + (uint32_t)(700 - left) / 127, 701 + (uint32_t)(700 - left) / 127);
		cr_assert_eq(count_of("u@a.test", "SELECT count(*) FROM expunged"), left - 127);
	}
}

Test(mailbox_verb, many_messages_are_changed_in_slices)
{
	enum { COUNT = 50000 }; /* a slice's time would be enough for some thousands */
	struct am_store store = {.mode = STORE_ADD, .flags = FLAG_DELETED};
	struct am_status status = {.name = SLICE("INBOX")};
	struct am_copy copy = {.to = SLICE("Archive")};
	struct am_expunge expunge = {.only_deleted = 1};

	fill("big@a.test", COUNT);
	asker_login(&a, "big@a.test");
	asker_login(&b, "small@a.test");
	asker_view(&a, "INBOX");
	store.handle = copy.handle = expunge.handle = a.handle;
	status.handle = b.handle;
	store.uids = range(1, COUNT);
	asker_send(&a, &am_store_schema, &store);
	asker_ask(&b, &am_status_schema, &status);
	cr_assert_null(a.end, "b did not have to wait for a");
	asker_wait(&a);
	cr_assert_eq(a.end, &am_ok_schema);
	copy.uids = range(1, COUNT);
	asker_ask(&a, &am_copy_schema, &copy);
	cr_assert_eq(a.end, &am_copied_schema);
	expunge.uids = range(1, COUNT);
	asker_send(&a, &am_expunge_schema, &expunge);
	asker_ask(&b, &am_status_schema, &status);
	cr_assert_null(a.end, "b did not have to wait for a");
	asker_wait(&a);
	cr_assert_eq(a.end, &am_ok_schema);
	status.handle = a.handle;
	asker_ask(&a, &am_status_schema, &status);
	cr_assert_eq(a.messages, 0);
	status.name = SLICE("Archive");
	asker_ask(&a, &am_status_schema, &status);
	cr_assert_eq(a.messages, COUNT);
}

/* Many clients say EXPUNGE or CLOSE whether anything is to go or not. */
Test(mailbox_verb, an_expunge_changes_nothing_where_nothing_is_deleted)
{
	enum { COUNT = 5000 };
	struct am_expunge expunge = {.only_deleted = 1};
	struct am_store store = {.mode = STORE_ADD, .flags = FLAG_DELETED};
	uint64_t before;

	fill("u@a.test", COUNT);
	asker_login(&a, "u@a.test");
	asker_view(&a, "INBOX");
	before = a.modseq;
	store.handle = expunge.handle = a.handle;
	expunge.uids = range(1, COUNT);
	asker_ask(&a, &am_expunge_schema, &expunge);
	cr_assert_eq(a.modseq, before);
	store.uids = range(COUNT - 1, COUNT - 1);
	asker_ask(&a, &am_store_schema, &store);
	expunge.uids = range(1, COUNT);
	asker_ask(&a, &am_expunge_schema, &expunge);
	cr_assert_eq(a.modseq, before + 2);
	cr_assert_eq(count_of("u@a.test", "SELECT uid FROM expunged"), COUNT - 1);
	cr_assert_eq(count_of("u@a.test", "SELECT count(*) FROM message"), COUNT - 1);
}

/* RFC 9051 6.4.7. */
Test(mailbox_verb, a_copy_takes_all_or_nothing)
{
	enum { COUNT = 300 };
	struct error why = {""};
	struct account *acc;
	struct am_status status = {.name = SLICE("Archive")};
	struct am_copy copy = {.to = SLICE("Archive"), .uids = range(1, COUNT)};

	fill("u@a.test", COUNT);
	acc = account_open(SLICE("u@a.test"), &why);
	cr_assert_not_null(acc, "%s", why.text);
	db_exec(acc->store.db, "UPDATE mailbox SET uidnext = 4294967095 WHERE name = 'Archive'");
	account_release(acc);
	asker_login(&a, "u@a.test");
	asker_view(&a, "INBOX");
	copy.handle = status.handle = a.handle;
	asker_ask(&a, &am_copy_schema, &copy);
	cr_assert_eq(a.end, &am_no_schema, "there are UIDs for two hundred only");
	asker_ask(&a, &am_status_schema, &status);
	cr_assert_eq(a.messages, 0);
}

Test(mailbox_verb, what_was_delivered_here_before_goes_in_a_circle)
{
	static const char *const messages[] = {
	    "Delivered-To: other@a.test\r\nSubject: x\r\n\r\n",
	    "Subject: x\r\nDelivered-To: U@A.test\r\n\r\n",
	};
	struct am_status status = {.name = SLICE("INBOX")};

	asker_deliver(&queue, "u@a.test", 1, messages[0]);
	cr_assert_eq(queue.delivered, 1);
	asker_deliver(&queue, "u@a.test", 2, messages[1]);
	cr_assert_eq(queue.delivered, 0);
	asker_login(&a, "u@a.test");
	status.handle = a.handle;
	asker_ask(&a, &am_status_schema, &status);
	cr_assert_eq(a.messages, 1);
}

Test(mailbox_verb, a_view_in_slices_misses_nothing)
{
	enum { COUNT = 20000 };
	struct am_view view = {.name = SLICE("INBOX")};
	struct am_changes changes = {.since = 1};
	struct am_status status = {.name = SLICE("INBOX")};

	fill("big@a.test", COUNT);
	asker_login(&a, "big@a.test");
	asker_login(&b, "big@a.test");
	view.handle = a.handle;
	status.handle = b.handle;
	asker_send(&a, &am_view_schema, &view);
	asker_ask(&b, &am_status_schema, &status);
	asker_append(&b, "INBOX", "Subject: late\r\n\r\n", 0);
	asker_wait(&a);
	cr_assert_eq(a.end, &am_ok_schema);
	turns_for(20);
	/* Whether it came before or after the view was there, it is told once. */
	changes.handle = a.handle;
	changes.since = a.modseq;
	cr_assert(
	    a.changed > 0 || slice_has_suffix_nocase(buf_slice(&a.records), SLICE(" 20001:32")));
	if (a.changed > 0) {
		asker_ask(&a, &am_changes_schema, &changes);
		cr_assert_str_eq(text(&a.records), "20001:32");
	}
}

static void
limit_files(rlim_t octets)
{
	struct rlimit r = {octets, RLIM_INFINITY};

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &r), 0);
}

Test(mailbox_verb, a_store_that_breaks_harms_nobody_else)
{
	char path[200];
	struct stat st;
	struct am_status status = {.name = SLICE("INBOX")};

	asker_deliver(&queue, "full@a.test other@a.test", 1, "Subject: x\r\n\r\n");
	cr_assert_eq(queue.delivered, 2);
	asker_login(&a, "full@a.test");
	asker_view(&a, "INBOX");
	/* The one's WAL can grow no more; the other's is shorter. */
	fill("full@a.test", 40);
	turns_for(50);
	snprintf(path, sizeof(path), "%s/a.test/full/mail.db-wal", test_folder);
	cr_assert_eq(stat(path, &st), 0);
	limit_files((rlim_t)st.st_size);
	asker_deliver(&queue, "full@a.test other@a.test", 3, "Subject: y\r\n\r\n");
	cr_assert_eq(queue.delivered, 1);
	cr_assert_eq(queue.deferred, 1);
	turns_for(20);
	cr_assert_eq(a.removed, 1, "the view of what may be lost ends");
	limit_files(RLIM_INFINITY);
	asker_deliver(&queue, "full@a.test other@a.test", 3, "Subject: y\r\n\r\n");
	cr_assert_eq(queue.delivered, 2, "it is tried again");
	status.handle = a.handle;
	asker_ask(&a, &am_status_schema, &status);
	cr_assert_eq(a.messages, 42, "the handle still holds");
	asker_login(&b, "other@a.test");
	status.handle = b.handle;
	asker_ask(&b, &am_status_schema, &status);
	cr_assert_eq(b.messages, 2, "stored once");
}

Test(mailbox_verb, idle_accounts_close_and_open_again, .timeout = 100)
{
	struct am_status status = {.name = SLICE("INBOX")};
	struct error why = {""};
	char name[32];

	asker_login(&a, "first@a.test");
	asker_append(&a, "INBOX", "Subject: x\r\n\r\n", 0);
	for (int i = 0; i < LIMIT_OPEN_ACCOUNTS + 5; i++) {
		struct account *acc;

		snprintf(name, sizeof(name), "u%d@a.test", i);
		acc = account_open(slice_of(name), &why);
		cr_assert_not_null(acc, "%s", why.text);
		account_release(acc);
	}
	cr_assert_eq(accounts_open(), LIMIT_OPEN_ACCOUNTS);
	cr_assert_leq(accounts_known(), LIMIT_OPEN_ACCOUNTS + 1);
	status.handle = a.handle;
	asker_ask(&a, &am_status_schema, &status);
	cr_assert_eq(a.messages, 1, "the handle opens it again");
	cr_assert_eq(accounts_open(), LIMIT_OPEN_ACCOUNTS);
}
