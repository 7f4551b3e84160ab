#include "tests/unit/unit.h"

#include "smtpd/parent/child/restart.h"

UNIT_SUITE(restart);

Test(restart, what_worked_for_a_while_begins_again_at_once)
{
	cr_assert_eq(restart_delay(0, true, 50), 20);
	cr_assert_eq(restart_delay(640, true, 60000), 20);
}

Test(restart, what_dies_again_and_again_waits_ever_longer_up_to_a_bound)
{
	int64_t wait = 0, before = 0;

	for (int i = 0; i < 40; i++) {
		wait = restart_delay(before, true, 10);
		cr_assert_geq(wait, before);
		before = wait;
	}
	cr_assert_eq(wait, 1000);
}

Test(restart, what_cannot_even_start_waits_longest)
{
	int64_t before = 0;
	int deaths = 0;

	while (before < 10000) {
		before = restart_delay(before, false, 60000);
		cr_assert_lt(++deaths, 20);
	}
	cr_assert_eq(restart_delay(before, false, 60000), 10000);
	cr_assert_eq(restart_delay(before, true, 10), 1000, "it has started meanwhile");
}
