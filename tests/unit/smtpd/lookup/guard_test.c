#include "tests/unit/unit.h"

#include "common/base/limits.h"
#include "common/net/loop.h"
#include "smtpd/lookup/guard.h"

#include <stdio.h>

UNIT_SUITE(guard);

/* The loop's clock, which these tests put forward. */
struct moment __real_loop_now(void);
struct moment __wrap_loop_now(void);

static struct span ahead;

struct moment
__wrap_loop_now(void)
{
	return moment_after(__real_loop_now(), ahead);
}

static const struct slice here = {"192.0.2.1", 9}, there = {"198.51.100.1", 12};

struct attempt {
	struct guard_ticket ticket;
	unsigned went, refused;
};

static void
on_turn(void *owner, bool in_time)
{
	struct attempt *a = owner;

	a->went += in_time;
	a->refused += !in_time;
}

static void
enter(struct attempt *a, struct slice client)
{
	guard_enter(&a->ticket, client, on_turn, a);
}

Test(guard, checks_some_at_once_and_lets_the_others_wait)
{
	struct attempt a[LIMIT_LOGIN_CHECKS + 1] = {{.went = 0}};

	loop_init();
	for (size_t i = 0; i <= LIMIT_LOGIN_CHECKS; i++)
		enter(&a[i], here);
	for (size_t i = 0; i < LIMIT_LOGIN_CHECKS; i++)
		cr_assert_eq(a[i].went, 1);
	cr_assert_eq(a[LIMIT_LOGIN_CHECKS].went, 0);
	cr_assert_eq(guard_leave(&a[0].ticket, GUARD_RIGHT).ms, 0);
	cr_assert_eq(a[LIMIT_LOGIN_CHECKS].went, 1);
	for (size_t i = 1; i <= LIMIT_LOGIN_CHECKS; i++)
		guard_leave(&a[i].ticket, GUARD_UNDECIDED);
	guard_forget();
	loop_fini();
}

Test(guard, wrong_passwords_slow_their_address_alone)
{
	struct attempt first = {.went = 0}, second = {.went = 0}, next = {.went = 0},
		       other = {.went = 0};

	loop_init();
	enter(&first, here);
	enter(&second, here);
	cr_assert_eq(guard_leave(&first.ticket, GUARD_WRONG).ms, 1000);
	cr_assert_eq(guard_leave(&second.ticket, GUARD_WRONG).ms, 2000);
	enter(&next, here);
	cr_assert_eq(next.went + next.refused, 0);
	enter(&other, there);
	cr_assert_eq(other.went, 1);
	guard_leave(&other.ticket, GUARD_RIGHT);
	guard_forget();
	cr_assert_eq(next.went + next.refused, 0);
	loop_fini();
}

/* Each answer at once, as soon as there may be one. */
Test(guard, the_slowest_answer_takes_ten_seconds)
{
	struct attempt a;

	loop_init();
	for (int i = 1; i <= 12; i++) {
		a = (struct attempt){.went = 0};
		enter(&a, here);
		cr_assert_eq(a.went, 1);
		ahead.ms += guard_leave(&a.ticket, GUARD_WRONG).ms;
		cr_assert_leq(ahead.ms, i <= 10 ? i * (i + 1) * 500 : 55000 + (i - 10) * 10000);
	}
	cr_assert_geq(ahead.ms, 75000);
	loop_fini();
}

Test(guard, who_guessed_wrong_guesses_one_at_a_time)
{
	struct attempt first = {.went = 0}, second = {.went = 0}, third = {.went = 0};

	loop_init();
	enter(&first, here);
	ahead.ms += guard_leave(&first.ticket, GUARD_WRONG).ms;
	enter(&second, here);
	enter(&third, here);
	cr_assert_eq(second.went, 1);
	cr_assert_eq(third.went + third.refused, 0);
	guard_leave(&second.ticket, GUARD_RIGHT);
	cr_assert_eq(third.went, 1);
	guard_leave(&third.ticket, GUARD_RIGHT);
	guard_forget();
	loop_fini();
}

Test(guard, an_ipv6_network_is_one_address)
{
	struct attempt a = {.went = 0}, b = {.went = 0};

	loop_init();
	enter(&a, SLICE("2001:db8::1"));
	cr_assert_eq(guard_leave(&a.ticket, GUARD_WRONG).ms, 1000);
	enter(&b, SLICE("2001:db8::ffff:2"));
	cr_assert_eq(b.went, 0);
	loop_fini();
}

Test(guard, a_line_has_an_end)
{
	static struct attempt a[LIMIT_LOGIN_LINE + LIMIT_LOGIN_CHECKS + 1];
	size_t n = sizeof(a) / sizeof(a[0]);

	loop_init();
	for (size_t i = 0; i < n; i++)
		enter(&a[i], here);
	cr_assert_eq(a[n - 2].refused, 0);
	cr_assert_eq(a[n - 1].refused, 1);
	loop_fini();
}
