/* What the mail store takes at most, and what it forgets in time. */
#include "tests/unit/deliver/mailbox/asker.h"

#include "deliver/mailbox/grant.h"
#include "deliver/mailbox/handle.h"

enum { GRANTS = 20000 };

static void
set_up(void)
{
	test_begin();
	test_open_store();
}

static void
tear_down(void)
{
	test_close_store();
	test_end();
}

TestSuite(mailbox_limit, .init = set_up, .fini = tear_down);

static struct slice
token_of(int n)
{
	static char token[TOKEN_OCTETS];

	memcpy(token, &n, sizeof(n));
	return slice_make(token, sizeof(token));
}

Test(mailbox_limit, grants)
{
	char account[LIMIT_USER + 1];

	for (int i = 0; i <= GRANTS; i++)
		grant_add(token_of(i), SLICE("u@a.test"), 60);
	cr_assert_not(grant_take(token_of(GRANTS), account));
	for (int i = 0; i < GRANTS; i++)
		cr_assert(grant_take(token_of(i), account));
	for (int i = 0; i <= GRANTS; i++)
		grant_add(token_of(i), SLICE("u@a.test"), i < GRANTS ? 0 : 60);
	cr_assert(grant_take(token_of(GRANTS), account), "what has lapsed makes room");
}

Test(mailbox_limit, handles)
{
	struct error why = {""};
	struct account *a = account_open(SLICE("u@a.test"), &why);

	cr_assert_not_null(a, "%s", why.text);
	for (int i = 0; i < LIMIT_HANDLES; i++)
		cr_assert_not_null(handle_new(NULL, a, false));
	cr_assert_null(handle_new(NULL, a, false));
	handles_forget(NULL);
	account_release(a);
	accounts_close_all();
}

/* Queue may ask again for what was delivered as long as mail lives there, and longer. */
Test(mailbox_limit, marks_of_deliveries_last_a_month)
{
	test_add(&test_inbox, "old", 300, 0, 1);
	test_add(&test_inbox, "a month", 300, 0, 2);
	test_add(&test_inbox, "young", 300, 0, 3);
	db_exec(test_store.db, "UPDATE delivered SET time = time - 86400 * 31 WHERE envelope = 1;"
			       "UPDATE delivered SET time = time - 86400 * 29 WHERE envelope = 2");
	test_close_store();
	test_open_store();
	cr_assert_eq(test_add(&test_inbox, "a month", 300, 0, 2), 0);
	cr_assert_eq(test_add(&test_inbox, "young", 300, 0, 3), 0);
	cr_assert_eq(test_count("SELECT count(*) FROM delivered"), 2);
}
