#include "deliver/mailbox/store/mailbox.h"
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

TestSuite(store_mailbox, .init = set_up, .fini = tear_down);

Test(store_mailbox, a_removed_parent_stays_as_a_name)
{
	struct store_mailbox before, m;
	uint64_t id;

	cr_assert_eq(store_create(&test_store, "a/b/c", SLICE("")), STORE_OK);
	cr_assert_eq(store_find(&test_store, "a/b", &before), STORE_OK, "parents come with it");
	test_add(&before, "x", 300, 0, 0);
	cr_assert_eq(store_remove(&test_store, "a/b", &id), STORE_OK);
	cr_assert_eq(id, before.id);
	cr_assert_eq(store_find(&test_store, "a/b", &m), STORE_OK);
	cr_assert(m.is_noselect);
	cr_assert_str_eq(test_uids("a/b"), "");
	cr_assert_eq(store_remove(&test_store, "a/b", &id), STORE_CANNOT);
	cr_assert_eq(
	    store_create(&test_store, "a/b", SLICE("")), STORE_OK, "it comes to life again");
	cr_assert_eq(store_find(&test_store, "a/b", &m), STORE_OK);
	cr_assert(!m.is_noselect);
	cr_assert_neq(m.id, before.id, "nobody who knew the old one takes it for that");
	cr_assert_gt(m.uidvalidity, before.uidvalidity);
	cr_assert_eq(test_add(&m, "y", 300, 0, 0), 1);
}

/* A name of so many levels. */
static const char *
deep(char name[STORE_NAME], size_t levels)
{
	for (size_t i = 0; i < levels; i++)
		memcpy(name + 2 * i, "d/", 2);
	name[2 * levels - 1] = '\0';
	return name;
}

Test(store_mailbox, no_rename_makes_a_level_too_deep)
{
	char name[STORE_NAME];

	cr_assert_eq(store_create(&test_store, "a/b/c", SLICE("")), STORE_OK);
	cr_assert_eq(
	    store_rename(&test_store, "a/b", deep(name, LIMIT_MAILBOX_DEPTH)), STORE_CANNOT);
	cr_assert_eq(
	    store_rename(&test_store, "a", deep(name, LIMIT_MAILBOX_DEPTH - 1)), STORE_CANNOT);
	cr_assert_eq(
	    store_rename(&test_store, "a/b", deep(name, LIMIT_MAILBOX_DEPTH - 1)), STORE_OK);
}

Test(store_mailbox, inbox_stays)
{
	uint64_t id;

	cr_assert_eq(store_rename(&test_store, "INBOX", "old"), STORE_CANNOT);
	cr_assert_eq(store_create(&test_store, "INBOX/old", SLICE("")), STORE_OK);
	cr_assert_eq(store_rename(&test_store, "INBOX/old", "INBOX/old/x"), STORE_CANNOT);
	cr_assert_eq(store_remove(&test_store, "INBOX/old", &id), STORE_OK);
	cr_assert_eq(store_remove(&test_store, "INBOX", &id), STORE_CANNOT);
}

Test(store_mailbox, children_move_with_their_parent)
{
	struct store_mailbox m;
	char longest[LIMIT_MAILBOX_NAME + 1];

	cr_assert_eq(store_create(&test_store, "Entw\xc3\xbcrfe/alt/tief", SLICE("")), STORE_OK);
	cr_assert_eq(store_create(&test_store, "Entw\xc3\xbcrfe2", SLICE("")), STORE_OK);
	cr_assert_eq(store_rename(&test_store, "Entw\xc3\xbcrfe", "x/y"), STORE_OK);
	cr_assert_eq(store_find(&test_store, "x", &m), STORE_OK);
	cr_assert_eq(store_find(&test_store, "x/y/alt/tief", &m), STORE_OK);
	cr_assert_eq(store_find(&test_store, "Entw\xc3\xbcrfe", &m), STORE_NONE);
	cr_assert_eq(store_find(&test_store, "Entw\xc3\xbcrfe2", &m), STORE_OK, "no child of it");
	cr_assert_eq(store_rename(&test_store, "x/y", "x/y/z"), STORE_CANNOT);
	cr_assert_eq(store_rename(&test_store, "x/y", "INBOX"), STORE_EXISTS);
	cr_assert_eq(store_rename(&test_store, "none", "more"), STORE_NONE);
	memset(longest, 'n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	cr_assert_eq(store_rename(&test_store, "x/y", longest), STORE_CANNOT);
	cr_assert_eq(store_find(&test_store, "x/y/alt/tief", &m), STORE_OK);
}

static int64_t
count_messages(void)
{
	struct statement *st = db_statement(
	    test_store.db, "SELECT count(*), (SELECT count(*) FROM removed) FROM message");
	int64_t n;

	cr_assert_eq(statement_step(st), DB_ROW);
	n = statement_number(st, 0);
	cr_assert(n > 1 || statement_number(st, 1) == 0);
	statement_reset(st);
	return n;
}

Test(store_mailbox, what_is_left_of_a_removed_one_is_found_again)
{
	struct store_mailbox m;
	uint64_t id;
	bool is_empty;

	cr_assert_eq(store_create(&test_store, "Old", SLICE("")), STORE_OK);
	cr_assert_eq(store_find(&test_store, "Old", &m), STORE_OK);
	for (int i = 0; i < 600; i++)
		test_add(&m, "old", 200, 0, 0);
	test_add(&test_inbox, "kept", 200, 0, 0);
	cr_assert_eq(store_remove(&test_store, "Old", &id), STORE_OK);
	cr_assert_eq(store_find(&test_store, "Old", &m), STORE_NONE);
	cr_assert_eq(store_empty_removed(&test_store, id, &is_empty), STORE_OK);
	cr_assert_not(is_empty);
	cr_assert(count_messages() > 1 && count_messages() < 601);
	cr_assert(test_settle());
	test_close_store();
	test_open_store();
	cr_assert_eq(store_first_removed(&test_store), id);
	while (!is_empty)
		cr_assert_eq(store_empty_removed(&test_store, id, &is_empty), STORE_OK);
	cr_assert_eq(store_first_removed(&test_store), 0);
	cr_assert_eq(count_messages(), 1);
	cr_assert_str_eq(test_uids("INBOX"), "1");
}

static void
add_parent(void *owner, const struct am_mailbox *m)
{
	if (m->flags & MAILBOX_HASCHILDREN)
		buf_printf(owner, "%.*s ", SLICE_FMT(m->name));
}

/* What stands between a name and those below it, in their order, hides none. */
Test(store_mailbox, each_that_has_some_below_it_is_told_so)
{
	static const char *const names[] = {
	    "a", "a b", "a-b", "a/c", "b", "b-x", "b0", "c", "c/d", "c/d/e", "c/d-e", "z/y"};
	struct buf parents = {0};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_assert_eq(store_create(&test_store, names[i], SLICE("")), STORE_OK);
	store_list(&test_store, add_parent, &parents);
	cr_assert_str_eq(buf_text(&parents), "a c c/d z ");
	buf_fini(&parents);
}
