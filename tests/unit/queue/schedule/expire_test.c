#include "tests/unit/unit.h"

#include "common/ipc/schema.h"
#include "queue/schedule/expire.h"

UNIT_SUITE(expire);

Test(expire, no_jump_of_the_clock_ages_mail)
{
	cr_assert_eq(expire_age_after_gap(100, 5000, 5060), 160);
	cr_assert_eq(expire_age_after_gap(100, 5000, 4000), 100, "back");
	cr_assert_eq(expire_age_after_gap(100, 5000, 5000 + 10 * 365 * 86400), 100 + EXPIRE_GAP,
	    "far forward");
}

Test(expire, warnings_are_sorted_and_counted)
{
	struct expire_rules r;
	struct buf list = {0};
	static const char *const words[] = {
	    "14400", "nonsense", "0", "60", "99999999999999999999", "86400", "5", "7"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		ipc_list_add(&list, slice_of(words[i]));
	expire_rules_init(&r, 1000, buf_slice(&list));
	buf_fini(&list);
	cr_assert_eq(r.warning_count, EXPIRE_WARNINGS);
	cr_assert_eq(expire_warnings_due(&r, 4), 0);
	cr_assert_eq(expire_warnings_due(&r, 5), 1);
	cr_assert_eq(expire_warnings_due(&r, 60), 2);
	cr_assert_eq(expire_warnings_due(&r, 20000), 3);
	cr_assert_eq(expire_warnings_due(&r, 1000000), 4);
}

Test(expire, an_action_may_have_its_own_time_to_live)
{
	struct expire_rules r = {.ttl = 1000};

	cr_assert_not(expire_is_over(&r, 0, 999));
	cr_assert(expire_is_over(&r, 0, 1000));
	cr_assert(expire_is_over(&r, 10, 10));
	cr_assert_not(expire_is_over(&r, 5000, 1000));
}
