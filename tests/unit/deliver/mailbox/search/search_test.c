/* SEARCH: every key, and long searches among others. */
#include "tests/unit/deliver/mailbox/asker.h"

#include "common/ipc/packed.h"
#include "common/mail/search.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/message.h"

#include <stdio.h>

enum { DAY = 86400, OF_2020 = 1577836800 };

static struct asker a, b;
static struct buf program;

static void
set_up(void)
{
	test_begin();
	asker_open(&a, verbs);
	asker_open(&b, verbs);
	asker_login(&a, "u@a.test");
}

static void
tear_down(void)
{
	buf_fini(&program);
	asker_close(&a);
	asker_close(&b);
	accounts_close_all();
	test_end();
}

TestSuite(mailbox_search, .init = set_up, .fini = tear_down);

static void
key(enum search_op op, uint64_t number, const char *text, const char *value)
{
	struct search_node n = {
	    .op = op, .number = number, .text = slice_of(text), .value = slice_of(value)};

	search_pack(&program, &n);
}

static void
ask(struct asker *who, uint32_t last)
{
	struct am_search m = {.handle = who->handle, .program = buf_slice(&program)};
	struct buf uids = {0};

	am_range_add(&uids, 1, last);
	m.uids = buf_slice(&uids);
	asker_send(who, &am_search_schema, &m);
	buf_fini(&uids);
}

/* What the program finds, as "1 3". */
static const char *
found(void)
{
	ask(&a, 1000);
	asker_wait(&a);
	cr_assert_eq(a.end, &am_ok_schema);
	buf_clear(&program);
	return a.found.len == 0 ? "" : buf_text(&a.found);
}

static const char *
one(enum search_op op, uint64_t number, const char *text, const char *value)
{
	key(op, number, text, value);
	return found();
}

static void
fill(void)
{
	asker_append(&a, "INBOX",
	    "From: Ann <ann@x.test>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
	    "Date: Wed, 1 Jan 2020 23:30:00 -0500\r\n\r\nmeet at noon\r\n",
	    FLAG_SEEN);
	asker_append(&a, "INBOX",
	    "From: Bob <bob@x.test>\r\nSubject: plain\r\nX-Note: kept\r\n"
	    "Date: Thu, 5 Mar 2020 10:00:00 +0000\r\n\r\n"
	    "a longer text that says Noon too, and more than the first\r\n",
	    FLAG_FLAGGED);
	asker_append(&a, "INBOX",
	    "From: Ann <ann@x.test>\r\nSubject: encoded\r\nContent-Transfer-Encoding: base64\r\n"
	    "\r\naGlkZGVuIHdvcmRz\r\n",
	    FLAG_SEEN | FLAG_ANSWERED);
	asker_view(&a, "INBOX");
}

Test(mailbox_search, keys_of_the_row)
{
	struct buf uids = {0};

	fill();
	cr_assert_str_eq(one(SEARCH_AND, 0, "", ""), "1 2 3", "no key is every message");
	cr_assert_str_eq(one(SEARCH_FLAG, FLAG_SEEN, "", ""), "1 3");
	cr_assert_str_eq(one(SEARCH_FLAG, FLAG_DELETED, "", ""), "");
	cr_assert_str_eq(one(SEARCH_LARGER, 150, "", ""), "2");
	cr_assert_str_eq(one(SEARCH_SMALLER, 150, "", ""), "1 3");
	/* The tests' messages came on 1 January 2020. */
	cr_assert_str_eq(one(SEARCH_ON, OF_2020, "", ""), "1 2 3");
	cr_assert_str_eq(one(SEARCH_BEFORE, OF_2020, "", ""), "");
	cr_assert_str_eq(one(SEARCH_BEFORE, OF_2020 + DAY, "", ""), "1 2 3");
	cr_assert_str_eq(one(SEARCH_SINCE, OF_2020 + DAY, "", ""), "");
	cr_assert_str_eq(one(SEARCH_SINCE, OF_2020, "", ""), "1 2 3");
	cr_assert_str_eq(one(SEARCH_MODSEQ, a.modseq, "", ""), "3");
	am_range_add(&uids, 2, 3);
	search_pack(&program, &(struct search_node){.op = SEARCH_UIDS, .text = buf_slice(&uids)});
	cr_assert_str_eq(found(), "2 3");
	buf_fini(&uids);
}

Test(mailbox_search, days_begin_at_midnight_before_1970_too)
{
	struct am_append m = {.handle = a.handle,
	    .name = SLICE("INBOX"),
	    .date = -1,
	    .size = 2,
	    .octets = SLICE("\r\n")};

	asker_ask(&a, &am_append_schema, &m);
	asker_view(&a, "INBOX");
	cr_assert_str_eq(one(SEARCH_ON, (uint64_t)-DAY, "", ""), "1");
	cr_assert_str_eq(one(SEARCH_BEFORE, 0, "", ""), "1");
	cr_assert_str_eq(one(SEARCH_SINCE, 0, "", ""), "");
}

Test(mailbox_search, keys_of_the_message)
{
	fill();
	/* The Date field's own day, whatever its zone; one message has none. */
	cr_assert_str_eq(one(SEARCH_SENTON, OF_2020, "", ""), "1");
	cr_assert_str_eq(one(SEARCH_SENTBEFORE, OF_2020 + 40 * DAY, "", ""), "1");
	cr_assert_str_eq(one(SEARCH_SENTSINCE, OF_2020 + 40 * DAY, "", ""), "2");
	cr_assert_str_eq(one(SEARCH_HEADER, 0, "From", "ANN"), "1 3");
	cr_assert_str_eq(one(SEARCH_HEADER, 0, "Subject", "gr\xc3\xbc"), "1", "decoded");
	cr_assert_str_eq(one(SEARCH_HEADER, 0, "X-Note", ""), "2", "the field is there");
	cr_assert_str_eq(one(SEARCH_BODY, 0, "noon", ""), "1 2", "in any case");
	cr_assert_str_eq(one(SEARCH_BODY, 0, "hidden words", ""), "3", "decoded");
	cr_assert_str_eq(one(SEARCH_BODY, 0, "ann@x", ""), "", "not the header");
	cr_assert_str_eq(one(SEARCH_TEXT, 0, "ann@x", ""), "1 3");
	cr_assert_str_eq(one(SEARCH_TEXT, 0, "NOON", ""), "1 2");
}

Test(mailbox_search, a_header_has_more_than_its_envelope)
{
	asker_append(&a, "INBOX",
	    "From: Ann (of Rome) Lee <ann@x.test>\r\nTo: b@y.test\r\nTo: c@z.test\r\n"
	    "Cc:\r\nSubject: one\r\nSubject: two\r\n\r\nnothing\r\n",
	    0);
	asker_view(&a, "INBOX");
	for (int times = 0; times < 2; times++) {
		cr_assert_str_eq(one(SEARCH_HEADER, 0, "From", "ROME"), "1");
		cr_assert_str_eq(one(SEARCH_HEADER, 0, "From", "ann@x"), "1");
		cr_assert_str_eq(one(SEARCH_HEADER, 0, "To", "c@z.test"), "1");
		cr_assert_str_eq(one(SEARCH_HEADER, 0, "Cc", "c@z.test"), "");
		cr_assert_str_eq(one(SEARCH_HEADER, 0, "Cc", ""), "1", "it is there");
		cr_assert_str_eq(one(SEARCH_HEADER, 0, "Subject", "two"), "1");
		cr_assert_str_eq(one(SEARCH_ENVELOPE, 0, "From", "Rome"), "");
		cr_assert_str_eq(one(SEARCH_ENVELOPE, 0, "To", "b@y.test"), "1");
		cr_assert_str_eq(one(SEARCH_ENVELOPE, 0, "To", "c@z.test"), "");
		cr_assert_str_eq(one(SEARCH_ENVELOPE, 0, "Subject", "one"), "1");
	}
}

Test(mailbox_search, keywords)
{
	struct am_store m;
	struct buf words = {0}, uids = {0};

	fill();
	ipc_list_add(&words, SLICE("$Work"));
	am_range_add(&uids, 2, 2);
	m = (struct am_store){.handle = a.handle,
	    .uids = buf_slice(&uids),
	    .mode = STORE_ADD,
	    .keywords = buf_slice(&words)};
	asker_ask(&a, &am_store_schema, &m);
	cr_assert_eq(a.end, &am_ok_schema);
	cr_assert_str_eq(one(SEARCH_KEYWORD, 0, "$work", ""), "2");
	cr_assert_str_eq(one(SEARCH_KEYWORD, 0, "$wor", ""), "");
	buf_fini(&words);
	buf_fini(&uids);
}

Test(mailbox_search, keys_are_joined)
{
	fill();
	key(SEARCH_AND, 2, "", "");
	key(SEARCH_FLAG, FLAG_SEEN, "", "");
	cr_assert_str_eq(one(SEARCH_BODY, 0, "noon", ""), "1");
	key(SEARCH_OR, 0, "", "");
	key(SEARCH_FLAG, FLAG_ANSWERED, "", "");
	cr_assert_str_eq(one(SEARCH_FLAG, FLAG_FLAGGED, "", ""), "2 3");
	key(SEARCH_NOT, 0, "", "");
	cr_assert_str_eq(one(SEARCH_HEADER, 0, "From", "ann"), "2");
	/* A key that is decided does not swallow the ones after it. */
	key(SEARCH_AND, 2, "", "");
	key(SEARCH_OR, 0, "", "");
	key(SEARCH_AND, 0, "", "");
	key(SEARCH_BODY, 0, "nothing", "");
	cr_assert_str_eq(one(SEARCH_FLAG, FLAG_FLAGGED, "", ""), "2");
}

static void
fill_account(const char *account, int small, int large)
{
	struct error why = {""};
	struct account *acc = account_open(slice_of(account), &why);
	struct store_mailbox inbox;
	struct buf message = {0};

	cr_assert_not_null(acc);
	cr_assert_eq(store_find(&acc->store, "INBOX", &inbox), STORE_OK);
	for (int i = 0; i < small + large; i++) {
		struct store_new n = {.date = 1};
		uint32_t uid;

		buf_clear(&message);
		test_message(&message, "filler", i < small ? 20000 : LIMIT_INLINE + 1000);
		buf_add_text(&message, "needle\r\n");
		n.octets = buf_slice(&message);
		n.size = message.len;
		cr_assert_eq(test_store_add(&acc->store, &inbox, &n, &uid), STORE_OK);
	}
	buf_fini(&message);
	account_release(acc);
}

Test(mailbox_search, large_bodies_are_searched_too)
{
	fill_account("u@a.test", 2, 3);
	asker_view(&a, "INBOX");
	cr_assert_str_eq(one(SEARCH_BODY, 0, "NEEDLE", ""), "1 2 3 4 5");
	key(SEARCH_NOT, 0, "", "");
	cr_assert_str_eq(one(SEARCH_TEXT, 0, "needle", ""), "");
	key(SEARCH_OR, 0, "", "");
	key(SEARCH_LARGER, LIMIT_INLINE, "", "");
	cr_assert_str_eq(one(SEARCH_BODY, 0, "no such", ""), "3 4 5");
}

Test(mailbox_search, a_long_search_keeps_nobody_waiting)
{
	struct am_status status = {.name = SLICE("INBOX")};

	fill_account("u@a.test", 800, 0);
	asker_login(&b, "other@a.test");
	status.handle = b.handle;
	asker_view(&a, "INBOX");
	key(SEARCH_AND, 40, "", ""); /* long enough to be seen on any machine */
	for (int i = 0; i < 40; i++)
		key(SEARCH_BODY, 0, "needle", "");
	ask(&a, 1000);
	for (int i = 0; i < 5; i++) {
		asker_ask(&b, &am_status_schema, &status);
		cr_assert_null(a.end, "the other one had its answer before");
	}
	asker_wait(&a);
	cr_assert(slice_has_prefix(buf_slice(&a.found), SLICE("1 2 3 ")));
	cr_assert(slice_has_suffix_nocase(buf_slice(&a.found), SLICE(" 799 800")));
}

/* One message is not looked through for hundreds of words while everybody waits. */
Test(mailbox_search, many_texts_in_one_message_keep_nobody_waiting)
{
	enum { TEXTS = 250 };
	struct am_status status = {.name = SLICE("INBOX")};

	fill_account("u@a.test", 1, 0);
	asker_login(&b, "other@a.test");
	status.handle = b.handle;
	asker_view(&a, "INBOX");
	key(SEARCH_AND, TEXTS, "", "");
	for (int i = 0; i < TEXTS - 1; i++)
		key(SEARCH_BODY, 0, "needle", "");
	key(SEARCH_TEXT, 0, "needle", "");
	ask(&a, 1);
	asker_ask(&b, &am_status_schema, &status);
	cr_assert_null(a.end, "the other one had its answer before");
	asker_wait(&a);
	cr_assert_str_eq(buf_text(&a.found), "1");
}

Test(mailbox_search, a_session_has_so_many_jobs_at_once)
{
	uint32_t requests[LIMIT_JOBS + 1];

	fill_account("u@a.test", 800, 0);
	asker_view(&a, "INBOX");
	key(SEARCH_BODY, 0, "needle", "");
	for (int i = 0; i <= LIMIT_JOBS; i++) {
		ask(&a, 1000);
		requests[i] = a.request;
	}
	asker_wait(&a);
	cr_assert_eq(a.end, &am_no_schema, "the last is one too many");
	cr_assert_eq(a.code, AM_TEMPORARY);
	for (int i = 0; i < LIMIT_JOBS; i++)
		channel_done(a.mine, requests[i]);
}

Test(mailbox_search, a_search_ends_with_its_handle)
{
	struct am_close close = {.handle = a.handle};

	fill_account("u@a.test", 800, 40);
	asker_view(&a, "INBOX");
	key(SEARCH_BODY, 0, "needle", "");
	ask(&a, 1000);
	turns_for(20);
	cr_assert_null(a.end);
	am_close_send(a.mine, 0, &close, -1);
	turns_for(1000);
	cr_assert_null(a.end, "nobody is answered");
	channel_done(a.mine, a.request);
	a.request = 0;
	/* In the pool, too. */
	asker_login(&a, "u@a.test");
	asker_view(&a, "INBOX");
	key(SEARCH_LARGER, LIMIT_INLINE, "", "");
	buf_clear(&program);
	key(SEARCH_AND, 2, "", "");
	key(SEARCH_LARGER, LIMIT_INLINE, "", "");
	key(SEARCH_BODY, 0, "needle", "");
	ask(&a, 1000);
	close.handle = a.handle;
	am_close_send(a.mine, 0, &close, -1);
	turns_for(200);
	cr_assert_null(a.end);
}

static int64_t
signatures(const char *change)
{
	struct error why = {""};
	struct account *acc = account_open(SLICE("u@a.test"), &why);
	struct statement *st;
	int64_t n;

	cr_assert(acc != NULL && commit_begin(acc->store.commit));
	cr_assert_eq(db_exec(acc->store.db, change), DB_DONE);
	st = db_statement(acc->store.db, "SELECT count(*) FROM signature");
	cr_assert_eq(statement_step(st), DB_ROW);
	n = statement_number(st, 0);
	statement_reset(st);
	account_release(acc);
	return n;
}

static void
search_all_ways(void)
{
	cr_assert_str_eq(one(SEARCH_BODY, 0, "needle", ""), "4 5 6 7");
	cr_assert_str_eq(one(SEARCH_BODY, 0, "no such", ""), "");
	cr_assert_str_eq(one(SEARCH_BODY, 0, "hidden words", ""), "3");
	cr_assert_str_eq(one(SEARCH_BODY, 0, "on", ""), "1 2", "too short for an index");
	cr_assert_str_eq(one(SEARCH_TEXT, 0, "ann@x", ""), "1 3");
	cr_assert_str_eq(one(SEARCH_HEADER, 0, "Subject", "gr\xc3\xbc"), "1");
	cr_assert_str_eq(one(SEARCH_HEADER, 0, "X-Note", "kept"), "2");
	cr_assert_str_eq(one(SEARCH_HEADER, 0, "X-Note", ""), "2");
	cr_assert_str_eq(one(SEARCH_HEADER, 0, "Subject", "kept"), "");
}

/* The signer, which may have found a busy machine quiet, is to leave the account alone. */
static void
leave_unsigned(void)
{
	struct error why = {""};
	struct account *acc = account_open(SLICE("u@a.test"), &why);

	cr_assert_not_null(acc);
	signer_forget(acc);
	account_release(acc);
	signatures("DELETE FROM signature");
}

/* The next search finds the same by what the first one left, which goes with the body. */
Test(mailbox_search, bodies_that_were_read_are_signed)
{
	struct am_expunge expunge = {.handle = a.handle};
	struct buf uids = {0};

	fill();
	fill_account("u@a.test", 2, 2);
	asker_view(&a, "INBOX");
	leave_unsigned();
	cr_assert_str_eq(one(SEARCH_ENVELOPE, 0, "Subject", "plain"), "2");
	cr_assert_eq(signatures(""), 0, "the envelope said it all");
	search_all_ways();
	cr_assert_eq(signatures(""), 7);
	search_all_ways();
	am_range_add(&uids, 5, 6);
	expunge.uids = buf_slice(&uids);
	asker_ask(&a, &am_expunge_schema, &expunge);
	buf_fini(&uids);
	cr_assert_str_eq(one(SEARCH_BODY, 0, "needle", ""), "4 7");
	cr_assert_eq(signatures(""), 5);
}

static void
search_many(void)
{
	cr_assert_str_eq(one(SEARCH_BODY, 0, "noon", ""), "1 2");
	cr_assert(slice_has_prefix(slice_of(one(SEARCH_BODY, 0, "needle", "")), SLICE("4 5 6 ")));
}

/* What a signature says is believed, where one is; it is there for some of them only. */
Test(mailbox_search, signatures_are_asked_first)
{
	fill();
	fill_account("u@a.test", 60, 0);
	asker_view(&a, "INBOX");
	leave_unsigned();
	search_many();
	cr_assert_eq(signatures("DELETE FROM signature WHERE body BETWEEN 10 AND 50;"
				"UPDATE signature SET bits = x'' WHERE body IN (5, 60)"),
	    22);
	cr_assert_str_eq(one(SEARCH_BODY, 0, "noon", ""), "1 2");
	cr_assert(slice_has_prefix(slice_of(one(SEARCH_BODY, 0, "needle", "")), SLICE("4 6 7 ")));
	cr_assert_eq(signatures(""), 63, "those that were missing are made again");
	cr_assert_eq(signatures("UPDATE counter SET value = 1 WHERE name = 'signature'"), 63);
	turns_for(50);
	accounts_close_all();
	cr_assert_eq(signatures(""), 0, "made in another way: worth nothing");
	search_many();
}
