#include "tests/unit/unit.h"

#include "common/base/limits.h"
#include "queue/receive/lent_ids.h"

UNIT_SUITE(lent_ids);

static struct lent_ids ids;

static void
begin(void)
{
	queue_lent_ids_init(&ids);
}

static void
end(void)
{
	queue_lent_ids_fini(&ids);
}

Test(lent_ids, each_is_used_once, .init = begin, .fini = end)
{
	queue_lent_ids_add(&ids, 1000);
	cr_assert_eq(queue_lent_ids_use(&ids, 1000), LENT_FRESH);
	cr_assert_eq(queue_lent_ids_use(&ids, 1000), LENT_WRONG);
	cr_assert_eq(queue_lent_ids_use(&ids, 1000 + LENT_IDS - 1), LENT_FRESH);
	cr_assert_eq(queue_lent_ids_use(&ids, 1063), LENT_FRESH);
	cr_assert_eq(queue_lent_ids_use(&ids, 1064), LENT_FRESH);
	cr_assert_eq(queue_lent_ids_use(&ids, 1064), LENT_WRONG);
}

Test(lent_ids, what_was_never_lent_is_wrong, .init = begin, .fini = end)
{
	queue_lent_ids_add(&ids, 1000);
	queue_lent_ids_add(&ids, 1000 + 2 * LENT_IDS);
	cr_assert_eq(queue_lent_ids_use(&ids, 1000 + LENT_IDS), LENT_WRONG, "between two blocks");
	cr_assert_eq(queue_lent_ids_use(&ids, 1000 + 3 * LENT_IDS), LENT_WRONG);
	cr_assert_eq(queue_lent_ids_use(&ids, UINT64_MAX), LENT_WRONG);
	cr_assert_eq(queue_lent_ids_use(&ids, 999), LENT_STALE, "by another queue, perhaps");
}

Test(lent_ids, a_block_that_is_used_up_is_gone, .init = begin, .fini = end)
{
	queue_lent_ids_add(&ids, 1000);
	queue_lent_ids_add(&ids, 1000 + LENT_IDS);
	for (uint64_t id = 1000; id < 1000 + LENT_IDS; id++)
		cr_assert_eq(queue_lent_ids_use(&ids, id), LENT_FRESH);
	cr_assert_eq(ids.count, 1);
	cr_assert_eq(queue_lent_ids_use(&ids, 1000), LENT_WRONG);
	cr_assert_eq(queue_lent_ids_use(&ids, 1000 + LENT_IDS), LENT_FRESH);
}

Test(lent_ids, of_too_many_the_oldest_go, .init = begin, .fini = end)
{
	for (uint64_t i = 0; i <= LIMIT_ID_BLOCKS; i++)
		queue_lent_ids_add(&ids, 1000 + i * LENT_IDS);
	cr_assert_eq(ids.count, LIMIT_ID_BLOCKS);
	cr_assert_eq(queue_lent_ids_use(&ids, 1000), LENT_STALE, "it may have been used");
	cr_assert_eq(queue_lent_ids_use(&ids, 1000 + LENT_IDS), LENT_FRESH);
}
