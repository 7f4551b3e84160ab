#include "deliver/mailbox/store/keyword.h"
#include "tests/unit/deliver/mailbox/mailbox_test.h"

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

TestSuite(store_keyword, .init = set_up, .fini = tear_down);

/* A list of so many keywords, of which the first is that number. */
static uint32_t
set_of(unsigned first, size_t count)
{
	struct buf words = {0}, word = {0};
	uint32_t set;

	for (size_t i = 0; i < count; i++) {
		buf_clear(&word);
		buf_printf(&word, "k%u", i == 0 ? first : 1000000 + (unsigned)i);
		ipc_list_add(&words, buf_slice(&word));
	}
	set = store_set(&test_store, buf_slice(&words));
	buf_fini(&words);
	buf_fini(&word);
	return set;
}

Test(store_keyword, keywords_in_any_order_are_one_set)
{
	struct buf one = {0}, other = {0};

	ipc_list_add(&one, SLICE("a"));
	ipc_list_add(&one, SLICE("ab"));
	ipc_list_add(&one, SLICE("b"));
	ipc_list_add(&other, SLICE("b"));
	ipc_list_add(&other, SLICE("ab"));
	ipc_list_add(&other, SLICE("a"));
	cr_assert_eq(
	    store_set(&test_store, buf_slice(&one)), store_set(&test_store, buf_slice(&other)));
	cr_assert_eq(test_count("SELECT count(*) FROM keyword_set"), 1);
	buf_fini(&one);
	buf_fini(&other);
}

/* A STORE would write the rest of them over what could not be read. */
Test(store_keyword, what_cannot_be_read_is_not_nothing)
{
	uint32_t set = set_of(0, 3);
	struct buf words = {0};

	cr_assert(store_set_keywords(&test_store, set, &words));
	cr_assert_gt(words.len, 0);
	buf_clear(&words);
	cr_assert(store_set_keywords(&test_store, set + 1, &words));
	cr_assert_eq(db_exec(test_store.db, "ALTER TABLE keyword_set RENAME TO gone"), DB_DONE);
	cr_assert_not(store_set_keywords(&test_store, set, &words));
	cr_assert_eq(words.len, 0);
	cr_assert_eq(db_exec(test_store.db, "ALTER TABLE gone RENAME TO keyword_set"), DB_DONE);
	buf_fini(&words);
}

Test(store_keyword, sets_of_keywords_are_bounded)
{
	size_t most = LIMIT_KEYWORD_SET / 12, kept = 0;
	size_t sets = LIMIT_KEYWORDS_KEPT / LIMIT_KEYWORD_SET;

	cr_assert_eq(set_of(0, LIMIT_KEYWORD_SET / 6), UINT32_MAX, "one that is too long");
	while (kept < 1000 && set_of((unsigned)kept, most) != UINT32_MAX)
		kept++;
	cr_assert(kept >= sets && kept < 2 * sets, "%zu: all of them have a bound", kept);
	cr_assert(
	    db_exec(test_store.db,
		"DELETE FROM keyword_set; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT"
		" i + 1 FROM n WHERE i < 10000) INSERT INTO keyword_set SELECT i, i FROM n") ==
	    DB_DONE);
	cr_assert_eq(set_of(0, 1), UINT32_MAX, "too many of them");
	store_sweep_sets(&test_store);
	cr_assert_eq(test_count("SELECT count(*) FROM keyword_set"), 1,
	    "no message has them; the last one's number stays taken");
	cr_assert_eq(set_of(0, 1), 10001);
}
