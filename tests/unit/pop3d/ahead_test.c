#include "tests/unit/unit.h"

#include "common/base/limits.h"
#include "pop3d/ahead.h"

UNIT_SUITE(ahead);

static bool
is_there(struct pop3_ahead **a, uint32_t uid, const char *text)
{
	struct slice octets;

	return pop3_ahead_find(a, uid, &octets) && slice_equal_text(octets, text);
}

Test(ahead, messages_are_found_in_their_order)
{
	struct pop3_ahead *a = NULL;

	cr_assert_not(is_there(&a, 1, ""));
	pop3_ahead_add(&a, 3, SLICE("three"));
	pop3_ahead_add(&a, 5, SLICE(""));
	pop3_ahead_add(&a, 6, SLICE("six"));
	pop3_ahead_add(&a, 9, SLICE("nine"));
	cr_assert(is_there(&a, 3, "three"));
	cr_assert(is_there(&a, 3, "three"), "once more");
	cr_assert(is_there(&a, 5, ""));
	cr_assert(is_there(&a, 9, "nine"), "what is between goes");
	cr_assert_not(is_there(&a, 6, "six"));
	cr_assert_null(a, "all of it went");
	cr_assert_eq(pop3_ahead_room(), POP3_AHEAD_OCTETS);
}

Test(ahead, a_session_keeps_so_many_and_no_more)
{
	static char large[POP3_AHEAD_OCTETS + 1];
	struct pop3_ahead *a = NULL;
	struct slice octets;

	pop3_ahead_add(&a, 1, slice_make(large, POP3_AHEAD_OCTETS + 1));
	pop3_ahead_add(&a, 2, slice_make(large, POP3_AHEAD_OCTETS));
	pop3_ahead_add(&a, 3, SLICE("x"));
	cr_assert(pop3_ahead_find(&a, 2, &octets) && octets.len == POP3_AHEAD_OCTETS);
	cr_assert_not(is_there(&a, 3, "x"));
	for (uint32_t i = 1; i <= POP3_AHEAD_MESSAGES + 1; i++)
		pop3_ahead_add(&a, i, SLICE("x"));
	cr_assert(is_there(&a, POP3_AHEAD_MESSAGES, "x"));
	cr_assert_not(is_there(&a, POP3_AHEAD_MESSAGES + 1, "x"));
	cr_assert_null(a);
}

Test(ahead, all_sessions_together_stay_below_the_limit)
{
	enum { SESSIONS = LIMIT_POP3_AHEAD / POP3_AHEAD_OCTETS };
	static struct pop3_ahead *all[SESSIONS + 1];
	static char large[POP3_AHEAD_OCTETS];

	for (size_t i = 0; i < SESSIONS; i++) {
		cr_assert_eq(pop3_ahead_room(), POP3_AHEAD_OCTETS);
		pop3_ahead_add(&all[i], 1, slice_make(large, sizeof(large)));
	}
	cr_assert_eq(pop3_ahead_room(), 0);
	pop3_ahead_add(&all[SESSIONS], 1, SLICE("x"));
	cr_assert_null(all[SESSIONS]);
	pop3_ahead_drop(&all[7]);
	cr_assert_eq(pop3_ahead_room(), POP3_AHEAD_OCTETS);
	for (size_t i = 0; i < SESSIONS; i++)
		pop3_ahead_drop(&all[i]);
}
