/* Delivery as queue sees it: what it hears and when, and a queue that breaks the dialogue. */
#include "tests/unit/deliver/mailbox/asker.h"
#include "tests/unit/sync.h"

#include <stdio.h>
#include <unistd.h>

#define MESSAGE "Subject: x\r\n\r\nx\r\n"

enum { BATCH_MS = 200 };

static struct asker queue;
static int violations;

static void
note_violation(const struct channel *c)
{
	violations++;
}

static void
set_up(void)
{
	test_begin();
	channel_on_violation(note_violation);
	asker_open(&queue, delivery);
}

static void
tear_down(void)
{
	asker_close(&queue);
	accounts_close_all();
	channel_on_violation(NULL);
	test_end();
}

TestSuite(mailbox_deliver, .init = set_up, .fini = tear_down);

/* Says that a message of that size comes for so many, and names others; then the body. */
static void
hand_over(uint16_t announced, uint16_t named, uint64_t size, bool is_file)
{
	struct qm_deliver deliver = {.message = 1,
	    .sender = SLICE("s@x.test"),
	    .arrival = 1,
	    .size = size,
	    .rcpts = announced};
	struct qm_body body = {.octets = is_file ? SLICE("") : SLICE(MESSAGE)};
	int fd = -1;

	asker_send(&queue, &qm_deliver_schema, &deliver);
	queue.messages = announced;
	for (uint16_t i = 0; i < named; i++) {
		struct qm_rcpt r = {
		    .envelope = i + 1U, .account = SLICE("u@a.test"), .address = SLICE("u@a.test")};

		cr_assert(qm_rcpt_send(queue.mine, queue.request, &r, -1));
	}
	if (is_file) {
		char path[] = "/tmp/kurir-deliver-XXXXXX";

		fd = mkstemp(path);
		cr_assert_geq(fd, 0);
		unlink(path);
		cr_assert_eq(write(fd, MESSAGE, sizeof(MESSAGE) - 1), sizeof(MESSAGE) - 1);
		lseek(fd, 0, SEEK_SET);
	}
	cr_assert(qm_body_send(queue.mine, queue.request, &body, fd));
}

static int64_t
count_stored(void)
{
	struct error why = {""};
	struct account *a = account_open(SLICE("u@a.test"), &why);
	struct statement *st;
	int64_t count;

	cr_assert_not_null(a, "%s", why.text);
	st = db_statement(a->store.db, "SELECT count(*) FROM message");
	cr_assert_eq(statement_step(st), DB_ROW);
	count = statement_number(st, 0);
	statement_reset(st);
	account_release(a);
	return count;
}

Test(mailbox_deliver, a_queue_that_breaks_the_dialogue_is_cut_off)
{
	enum { SIZE = sizeof(MESSAGE) - 1 };
	static const struct {
		uint16_t announced, named;
		uint64_t size;
		bool is_file, is_right;
	} cases[] = {
	    {1, 1, SIZE + 1, false, false},
	    {1, 1, SIZE - 1, false, false},
	    {1, 1, SIZE + 1, true, false}, /* a file that lost its end */
	    {2, 1, SIZE, false, false},
	    {1, 2, SIZE, false, false},
	    {1, 1, SIZE, true, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		violations = 0;
		hand_over(cases[i].announced, cases[i].named, cases[i].size, cases[i].is_file);
		if (cases[i].is_right)
			asker_wait(&queue);
		else
			turns_for(50);
		cr_assert_eq(violations, cases[i].is_right ? 0 : 1, "case %zu", i);
		cr_assert_eq(count_stored(), cases[i].is_right ? 1 : 0, "case %zu", i);
		asker_close(&queue);
		asker_open(&queue, delivery);
	}
}

Test(mailbox_deliver, queue_hears_of_it_when_it_is_durable)
{
	asker_deliver(&queue, "u@a.test", 100, MESSAGE);
	cr_assert_eq(queue.delivered, 1);
	sync_hold(true);
	hand_over(1, 1, sizeof(MESSAGE) - 1, false);
	turns_for(2 * BATCH_MS);
	cr_assert_null(queue.end, "its sync has not come back");
	sync_hold(false);
	asker_wait(&queue);
	cr_assert_eq(queue.delivered, 1);
}

Test(mailbox_deliver, what_is_not_durable_comes_again)
{
	asker_deliver(&queue, "u@a.test", 1, MESSAGE);
	sync_fail_at(1);
	asker_deliver(&queue, "u@a.test", 2, MESSAGE);
	cr_assert_eq(queue.delivered, 0);
	cr_assert_eq(queue.deferred, 1);
}

/* Its line went while the sync ran: the message is stored, and nobody is told. */
Test(mailbox_deliver, a_queue_that_is_gone_is_not_answered)
{
	asker_deliver(&queue, "u@a.test", 100, MESSAGE);
	sync_hold(true);
	hand_over(1, 1, sizeof(MESSAGE) - 1, false);
	turns_for(2 * BATCH_MS);
	asker_close(&queue);
	turns_for(1);
	asker_open(&queue, delivery);
	sync_hold(false);
	turns_for(BATCH_MS);
	cr_assert_eq(count_stored(), 2);
}

/* To open an account takes as long as a slice, and a message may be for a thousand. */
Test(mailbox_deliver, others_have_their_turn_while_many_accounts_get_a_message)
{
	enum { ACCOUNTS = 300 };
	struct qm_deliver deliver = {.message = 1,
	    .sender = SLICE("s@x.test"),
	    .arrival = 1,
	    .size = sizeof(MESSAGE) - 1,
	    .rcpts = ACCOUNTS};
	struct qm_body body = {.octets = SLICE(MESSAGE)};
	struct am_status status = {.name = SLICE("INBOX")};
	struct asker other;

	asker_open(&other, verbs);
	asker_login(&other, "other@a.test");
	status.handle = other.handle;
	asker_send(&queue, &qm_deliver_schema, &deliver);
	queue.messages = ACCOUNTS;
	for (unsigned i = 0; i < ACCOUNTS; i++) {
		char name[32];
		struct qm_rcpt r = {.envelope = i + 1};

		snprintf(name, sizeof(name), "u%u@a.test", i);
		r.account = r.address = slice_of(name);
		cr_assert(qm_rcpt_send(queue.mine, queue.request, &r, -1));
	}
	cr_assert(qm_body_send(queue.mine, queue.request, &body, -1));
	for (int i = 0; i < 3; i++) {
		asker_ask(&other, &am_status_schema, &status);
		cr_assert_lt(accounts_open(), ACCOUNTS, "it waited for all of them");
	}
	asker_wait(&queue);
	cr_assert_eq(queue.delivered, ACCOUNTS);
	asker_close(&other);
}

/* Its line goes in the middle of that. */
Test(mailbox_deliver, a_queue_that_is_gone_between_two_slices_leaves_nothing)
{
	for (int i = 0; i < 3; i++) {
		hand_over(500, 500, sizeof(MESSAGE) - 1, false);
		asker_close(&queue);
		turns_for(20);
		asker_open(&queue, delivery);
	}
	asker_deliver(&queue, "u@a.test", 1000, MESSAGE);
	cr_assert_eq(queue.delivered, 1);
}
