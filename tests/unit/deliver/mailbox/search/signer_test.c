/* Bodies are signed while nobody asks for anything. */
#include "tests/unit/deliver/mailbox/asker.h"

#include "common/ipc/packed.h"
#include "common/mail/search.h"
#include "deliver/mailbox/grant.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/message.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct asker a, queue;
static struct store *store;

static void
set_up(void)
{
	test_begin();
	asker_open(&a, verbs);
	asker_open(&queue, delivery);
}

static void
tear_down(void)
{
	asker_close(&a);
	asker_close(&queue);
	accounts_close_all();
	test_end();
}

TestSuite(mailbox_signer, .init = set_up, .fini = tear_down);

/* Has it open, as somebody may who asks for it now. */
static struct account *
account_named(const char *name)
{
	struct error why = {""};
	struct account *acc = account_open(slice_of(name), &why);

	cr_assert_not_null(acc);
	store = &acc->store;
	account_release(acc);
	return acc;
}

static struct account *
account(void)
{
	return account_named("u@a.test");
}

static int64_t
number(const char *sql)
{
	struct statement *st = db_statement(store->db, sql);
	int64_t n;

	cr_assert_eq(statement_step(st), DB_ROW);
	n = statement_number(st, 0);
	statement_reset(st);
	return n;
}

static int64_t
signatures(void)
{
	return number("SELECT count(*) FROM signature");
}

/* Leaves it alone until so many are signed. */
static void
wait_signed(int64_t wanted)
{
	for (int i = 0; i < 1000 && signatures() < wanted; i++)
		turns_for(20);
	cr_assert_eq(signatures(), wanted);
}

/* As queue delivers. */
static void
deliver(const char *word)
{
	static uint64_t envelope;
	char message[100];

	snprintf(message, sizeof(message), "Subject: x\r\n\r\n%s\r\n", word);
	asker_deliver(&queue, "u@a.test", ++envelope, message);
	cr_assert_eq(queue.delivered, 1);
}

static void
append(size_t octets)
{
	struct buf message = {0};
	struct store_mailbox inbox;
	struct store_new n = {.date = 1};
	struct account *acc = account();
	uint32_t uid;

	test_message(&message, "filler", octets);
	n.octets = buf_slice(&message);
	n.size = message.len;
	cr_assert_eq(store_find(store, "INBOX", &inbox), STORE_OK);
	cr_assert_eq(test_store_add(store, &inbox, &n, &uid), STORE_OK);
	signer_add(acc);
	buf_fini(&message);
}

static void
remove_message(uint32_t uid)
{
	struct am_expunge expunge = {.handle = a.handle};
	struct buf uids = {0};

	am_range_add(&uids, uid, uid);
	expunge.uids = buf_slice(&uids);
	asker_ask(&a, &am_expunge_schema, &expunge);
	cr_assert_eq(a.end, &am_ok_schema);
	buf_fini(&uids);
}

static const char *
found(const char *word)
{
	struct search_node n = {.op = SEARCH_BODY, .text = slice_of(word)};
	struct am_search m = {.handle = a.handle};
	struct buf uids = {0}, program = {0};

	search_pack(&program, &n);
	am_range_add(&uids, 1, 1000);
	m.program = buf_slice(&program);
	m.uids = buf_slice(&uids);
	asker_ask(&a, &am_search_schema, &m);
	cr_assert_eq(a.end, &am_ok_schema);
	buf_fini(&uids);
	buf_fini(&program);
	return a.found.len == 0 ? "" : buf_text(&a.found);
}

Test(mailbox_signer, what_came_is_signed_when_idle_and_the_first_search_reads_only_what_may_hold_it)
{
	asker_login(&a, "u@a.test");
	for (int i = 0; i < 60; i++)
		deliver(i == 37 ? "a needle" : "only straw");
	account();
	wait_signed(60);
	cr_assert_eq(number("SELECT value FROM counter WHERE name = 'signed'"), 61);
	/* Bodies that nobody can read: a search that tried would not find what it wants
	 * in peace. */
	cr_assert(commit_begin(store->commit));
	cr_assert_eq(
	    db_exec(store->db, "UPDATE body SET octets = x'00', is_packed = 1 WHERE id <> 38"),
	    DB_DONE);
	asker_view(&a, "INBOX");
	cr_assert_str_eq(found("needle"), "38");
	cr_assert_eq(db_errors(store->db), 0);
}

Test(mailbox_signer, accounts_that_imapd_never_opened_pay_nothing)
{
	char token[TOKEN_OCTETS] = "pop3";
	struct am_open open = {.token = slice_make(token, sizeof(token)), .exclusive = 1};

	deliver("one");
	grant_add(open.token, SLICE("u@a.test"), 60);
	asker_ask(&a, &am_open_schema, &open);
	cr_assert_eq(a.end, &am_opened_schema);
	account();
	turns_for(400);
	cr_assert_eq(signatures(), 0);
	cr_assert_eq(number("SELECT count(*) FROM counter WHERE name = 'signed'"), 0);
	/* Once it did, what was there is signed, and from then on what comes. */
	asker_login(&a, "u@a.test");
	wait_signed(1);
	handles_forget(NULL);
	accounts_close_all();
	deliver("two");
	account();
	wait_signed(2);
}

static void
on_ask(void *owner)
{
	account();
	timer_start(owner, SPAN_MS(10));
}

Test(mailbox_signer, who_asks_comes_first)
{
	struct timer ask;

	asker_login(&a, "u@a.test");
	for (int i = 0; i < 5; i++)
		append(1000);
	timer_init(&ask, on_ask, &ask);
	timer_start(&ask, SPAN_MS(0));
	turns_for(400);
	cr_assert_eq(signatures(), 0);
	timer_stop(&ask);
	wait_signed(5);
}

Test(mailbox_signer, large_bodies_are_signed_too)
{
	asker_login(&a, "u@a.test");
	append(1000);
	append(LIMIT_INLINE + 1000);
	append(LIMIT_INLINE + 2000);
	append(1000);
	wait_signed(4);
	cr_assert_eq(number("SELECT value FROM counter WHERE name = 'signed'"), 5);
	asker_view(&a, "INBOX");
	cr_assert_str_eq(found("xxxxxx"), "1 2 3 4");
}

/* While it is in the pool, the store closes; or the body goes, and its number is another's. */
Test(mailbox_signer, a_large_body_may_go_while_it_is_signed)
{
	asker_login(&a, "u@a.test");
	append(20 * 1024 * 1024);
	for (int i = 0; i < 1000 && store->signing == 0; i++)
		turns_for(1);
	cr_assert_eq(store->signing, 1);
	accounts_close_all();
	account();
	cr_assert_eq(signatures(), 0);
	for (int i = 0; i < 1000 && store->signing == 0; i++)
		turns_for(1);
	cr_assert_eq(store->signing, 1);
	asker_view(&a, "INBOX");
	remove_message(1);
	deliver("needle");
	cr_assert_eq(number("SELECT id FROM body"), 1, "the same number");
	wait_signed(1);
	turns_for(200);
	cr_assert_str_eq(found("needle"), "2");
}

/* The newest body's number is taken again when it is gone. */
Test(mailbox_signer, a_number_that_was_signed_is_signed_again_for_another)
{
	asker_login(&a, "u@a.test");
	for (int i = 0; i < 3; i++)
		deliver("straw");
	account();
	wait_signed(3);
	asker_view(&a, "INBOX");
	remove_message(3);
	remove_message(2);
	deliver("needle");
	wait_signed(2);
	cr_assert_eq(number("SELECT max(body) FROM signature"), 2);
	cr_assert_str_eq(found("needle"), "4");
}

Test(mailbox_signer, a_damaged_body_stops_no_other)
{
	asker_login(&a, "u@a.test");
	for (int i = 0; i < 5; i++)
		append(1000);
	append(LIMIT_INLINE + 1000);
	append(1000);
	cr_assert_eq(db_exec(store->db, "UPDATE body SET octets = x'00' WHERE id = 3;"
					"UPDATE body SET file = 'gone' WHERE id = 6"),
	    DB_DONE);
	wait_signed(5);
	cr_assert_eq(number("SELECT value FROM counter WHERE name = 'signed'"), 8);
	turns_for(200);
}

/* It is tried once, and not again soon; nobody who reads notices. */
Test(mailbox_signer, a_disk_that_takes_nothing_is_left_alone)
{
	struct rlimit r = {0, RLIM_INFINITY};
	char path[1100];
	struct stat st;
	int64_t before; /* some, where 40 deliveries take long */

	signal(SIGXFSZ, SIG_IGN);
	asker_login(&a, "u@a.test");
	for (int i = 0; i < 40; i++)
		deliver("needle");
	account();
	snprintf(path, sizeof(path), "%s/mail.db-wal", store->folder);
	cr_assert_eq(stat(path, &st), 0);
	r.rlim_cur = (rlim_t)st.st_size;
	before = signatures();
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &r), 0);
	turns_for(600);
	r.rlim_cur = RLIM_INFINITY;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &r), 0);
	account();
	cr_assert_eq(signatures(), before);
	asker_view(&a, "INBOX");
	cr_assert(slice_has_suffix_nocase(slice_of(found("needle")), SLICE(" 40")));
	cr_assert_eq(signatures(), 40, "the search left them");
}

/* Nor does one account whose index cannot be kept hold up those behind it. */
Test(mailbox_signer, an_account_that_keeps_nothing_lets_the_others_go_on)
{
	asker_login(&a, "u@a.test");
	account();
	cr_assert(commit_begin(store->commit));
	cr_assert_eq(db_exec(store->db, "CREATE TRIGGER never BEFORE INSERT ON signature"
					" BEGIN SELECT RAISE(ABORT, 'never'); END"),
	    DB_DONE);
	commit_soon(store->commit);
	deliver("straw");
	asker_login(&a, "v@a.test");
	asker_deliver(&queue, "v@a.test", 100, "Subject: x\r\n\r\nneedle\r\n");
	account_named("v@a.test");
	wait_signed(1);
	account();
	cr_assert_eq(signatures(), 0);
	cr_assert(account()->is_put_off);
	accounts_close_all();
	cr_assert(!account()->is_put_off, "opened anew it is tried at once");
}

static void
wait_empty(void)
{
	for (int i = 0; i < 1000 && number("SELECT count(*) FROM message") > 0; i++)
		turns_for(20);
	cr_assert_eq(number("SELECT count(*) FROM message"), 0);
	turns_for(200);
	cr_assert_eq(number("SELECT count(*) FROM removed"), 0);
	cr_assert_eq(number("SELECT count(*) FROM body"), 0);
}

/* Who removed it goes before the end; or the process did. */
Test(mailbox_signer, what_is_left_of_a_removed_mailbox_goes_when_idle)
{
	struct am_rename rename = {.name = SLICE("INBOX"), .to = SLICE("old")};
	struct am_remove remove_old = {.name = SLICE("old")};
	struct am_close leave = {.handle = 0};
	uint64_t id;

	for (int again = 0; again < 2; again++) {
		asker_login(&a, "u@a.test");
		for (int i = 0; i < 3000; i++)
			append(200);
		rename.handle = remove_old.handle = leave.handle = a.handle;
		asker_ask(&a, &am_rename_schema, &rename);
		if (again == 0) {
			asker_send(&a, &am_remove_schema, &remove_old);
			cr_assert(am_close_send(a.mine, 0, &leave, -1));
			channel_done(a.mine, a.request);
		} else {
			account();
			cr_assert_eq(store_remove(store, "old", &id), STORE_OK);
			accounts_close_all();
			account();
		}
		wait_empty();
	}
}
