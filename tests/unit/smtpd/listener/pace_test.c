#include "tests/unit/unit.h"

#include "common/base/limits.h"
#include "smtpd/listener/pace.h"

UNIT_SUITE(pace);

/* Seconds until a client is cut off that sends so many octets every so many seconds; at
 * most most. */
static int64_t
lasts(size_t octets, int64_t every, int64_t most)
{
	struct smtp_pace p;
	int64_t now = 0;
	struct span left = smtp_pace_begin(&p, (struct moment){0});

	while (now < most && left.ms > every * 1000) {
		now += every;
		left = smtp_pace_feed(&p, octets, (struct moment){now * 1000});
	}
	return now < most ? now + left.ms / 1000 : most;
}

Test(pace, silence_ends_after_the_time_of_a_command)
{
	cr_assert_eq(lasts(0, 1, 10000), LIMIT_COMMAND_SECONDS);
	cr_assert_eq(lasts(1, 301, 10000), LIMIT_COMMAND_SECONDS);
}

Test(pace, who_keeps_the_rate_goes_on_for_days)
{
	enum { DAYS = 7 * 24 * 3600 };

	cr_assert_eq(lasts(LIMIT_DATA_RATE, 60, DAYS), DAYS);
	cr_assert_eq(lasts(LIMIT_DATA_RATE * 4, 240, DAYS), DAYS);
}

Test(pace, an_octet_now_and_then_buys_next_to_nothing)
{
	cr_assert_leq(lasts(1, 1, 10000), LIMIT_COMMAND_SECONDS + 30);
	cr_assert_leq(lasts(LIMIT_DATA_RATE / 2, 60, 10000), 2 * LIMIT_COMMAND_SECONDS);
}

Test(pace, time_is_not_saved_up)
{
	struct smtp_pace p;
	struct span left = smtp_pace_begin(&p, (struct moment){0});

	left = smtp_pace_feed(&p, (size_t)1 << 30, (struct moment){1000});
	cr_assert_eq(left.ms, LIMIT_COMMAND_SECONDS * 1000);
	left = smtp_pace_feed(&p, 0, (struct moment){1000 + LIMIT_COMMAND_SECONDS * 1000});
	cr_assert_eq(left.ms, 0);
}

Test(pace, a_pause_of_ours_costs_the_client_nothing)
{
	struct smtp_pace p;

	smtp_pace_begin(&p, (struct moment){0});
	cr_assert_eq(
	    smtp_pace_begin(&p, (struct moment){900 * 1000}).ms, LIMIT_COMMAND_SECONDS * 1000);
	cr_assert_gt(smtp_pace_feed(&p, 1, (struct moment){901 * 1000}).ms, 0);
}
