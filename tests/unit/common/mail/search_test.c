#include "tests/unit/unit.h"

#include "common/base/limits.h"
#include "common/mail/search.h"

UNIT_SUITE(search);

static void
add(struct buf *program, enum search_op op, uint64_t number, const char *text)
{
	struct search_node n = {
	    .op = op, .number = number, .text = slice_of(text), .value = SLICE("v")};

	search_pack(program, &n);
}

Test(search, a_program_is_whole_or_not_valid)
{
	struct buf p = {0};

	add(&p, SEARCH_AND, 3, "");
	add(&p, SEARCH_FLAG, 4, "");
	add(&p, SEARCH_OR, 0, "");
	add(&p, SEARCH_HEADER, 0, "Subject");
	add(&p, SEARCH_NOT, 0, "");
	add(&p, SEARCH_BODY, 0, "x");
	cr_assert_not(search_is_valid(buf_slice(&p)), "the third program is missing");
	add(&p, SEARCH_LARGER, 10, "");
	cr_assert(search_is_valid(buf_slice(&p)));
	for (size_t cut = 0; cut < p.len; cut++)
		cr_assert_not(search_is_valid(slice_make(p.data, cut)), "cut at %zu", cut);
	add(&p, SEARCH_FLAG, 1, "");
	cr_assert_not(search_is_valid(buf_slice(&p)), "one too many");
	buf_fini(&p);
}

Test(search, nesting_and_size_are_bounded)
{
	struct buf p = {0};

	for (int i = 0; i < LIMIT_IMAP_NESTING + 5; i++)
		add(&p, SEARCH_NOT, 0, "");
	add(&p, SEARCH_FLAG, 1, "");
	cr_assert_not(search_is_valid(buf_slice(&p)));
	buf_clear(&p);
	add(&p, SEARCH_AND, LIMIT_SEARCH_NODES, "");
	for (int i = 0; i < LIMIT_SEARCH_NODES; i++)
		add(&p, SEARCH_FLAG, 1, "");
	cr_assert_not(search_is_valid(buf_slice(&p)));
	for (int more = 0; more < 2; more++) {
		buf_clear(&p);
		add(&p, SEARCH_AND, LIMIT_SEARCH_TEXTS + (uint64_t)more, "");
		for (int i = 0; i < LIMIT_SEARCH_TEXTS + more; i++)
			add(&p, i % 2 == 0 ? SEARCH_BODY : SEARCH_HEADER, 0, "x");
		cr_assert_eq(search_is_valid(buf_slice(&p)), more == 0);
	}
	buf_fini(&p);
}
