#include "tests/unit/unit.h"

#include "queue/control/select.h"

UNIT_SUITE(select);

static const struct store_envelope row = {
    .id = 2, .message = 1, .address = {"bob@Example.test", 16}, .original = {"alias@x.test", 12}};

static bool
selects(const char *a, const char *b, const char *sender)
{
	struct slice words[] = {slice_of(a), slice_of(b)};
	size_t at = 0;
	struct queue_select s;
	struct error why;

	cr_assert(queue_select_take(&s, words, b == NULL ? 1 : 2, &at, &why), "%s", why.text);
	return queue_select_has(&s, &row, slice_of(sender));
}

Test(select, by_any_property)
{
	cr_assert(selects("all", NULL, "x"));
	cr_assert(selects("0000000000001", NULL, "x"), "the message");
	cr_assert(selects("0000000000002", NULL, "x"), "the envelope");
	cr_assert_not(selects("0000000000003", NULL, "x"));
	cr_assert(selects("from", "A@b.test", "a@B.test"));
	cr_assert_not(selects("from", "a@b.test", ""));
	cr_assert(selects("from", "<>", ""));
	cr_assert(selects("to", "bob@example.test", ""));
	cr_assert(selects("to", "alias@x.test", ""));
	cr_assert_not(selects("to", "example.test", ""));
	cr_assert(selects("domain", "example.TEST", ""));
	cr_assert_not(selects("domain", "test", ""));
}

Test(select, wrong_words_are_explained)
{
	static const char *const wrong[] = {"", "every", "000000000000", "0000000000000x", "from"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct slice word = slice_of(wrong[i]);
		struct queue_select s;
		struct error why = {""};
		size_t at = 0;

		cr_assert_not(queue_select_take(&s, &word, 1, &at, &why));
		cr_assert_neq(why.text[0], '\0');
	}
}
