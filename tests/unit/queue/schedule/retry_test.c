#include "tests/unit/unit.h"

#include "queue/schedule/retry.h"

UNIT_SUITE(retry);

static const uint32_t middle = 0x80000000U; /* no jitter */

Test(retry, delays_grow_to_their_ceiling)
{
	static const struct {
		const struct retry_plan *plan;
		unsigned failures;
		int64_t ms;
	} cases[] = {
	    {&retry_relay, 0, 60000},
	    {&retry_relay, 1, 60000},
	    {&retry_relay, 2, 300000},
	    {&retry_relay, 3, 1500000},
	    {&retry_relay, 4, 3600000},
	    {&retry_relay, 65535, 3600000},
	    {&retry_local, 1, 10000},
	    {&retry_local, 2, 30000},
	    {&retry_local, 99, 1800000},
	    {&retry_lost, 1, 500},
	    {&retry_lost, 2, 1000},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ms = retry_delay(cases[i].plan, cases[i].failures, middle).ms;

		cr_assert(ms == cases[i].ms, "case %zu: %lld, wanted %lld", i, (long long)ms,
		    (long long)cases[i].ms);
	}
}

Test(retry, jitter_keeps_within_an_eighth)
{
	cr_assert_eq(retry_delay(&retry_relay, 1, 0).ms, 52500);
	cr_assert_leq(retry_delay(&retry_relay, 1, UINT32_MAX).ms, 67500);
	cr_assert_gt(retry_delay(&retry_relay, 1, UINT32_MAX).ms, 67490);
	for (uint32_t random = 1; random < 1U << 31; random <<= 1)
		cr_assert_geq(retry_delay(&retry_relay, 3, random).ms,
		    retry_delay(&retry_relay, 3, random / 2).ms);
}
