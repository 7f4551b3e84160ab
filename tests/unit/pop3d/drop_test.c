#include "tests/unit/unit.h"

#include "pop3d/drop.h"

UNIT_SUITE(drop);

static struct pop3_drop
sample(void)
{
	struct pop3_drop d = {.uidvalidity = 7};

	for (uint32_t uid = 1; uid <= 100; uid++)
		pop3_drop_add(&d, uid * (uid > 50 ? 2 : 1));
	for (size_t i = 0; i < 100; i++)
		cr_assert(pop3_drop_size(&d, d.messages[i].uid, 10));
	return d;
}

Test(drop, numbers)
{
	struct pop3_drop d = sample();
	static const char *const wrong[] = {"0", "-1", "101", "4294967297", "1 2", "x", ""};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_null(pop3_drop_find(&d, slice_of(wrong[i])), "%s", wrong[i]);
	cr_assert_eq(pop3_drop_find(&d, SLICE("51"))->uid, 102);
	pop3_drop_find(&d, SLICE("51"))->is_deleted = true;
	cr_assert_null(pop3_drop_find(&d, SLICE("51")));
	pop3_drop_reset(&d);
	cr_assert_not_null(pop3_drop_find(&d, SLICE("51")));
	pop3_drop_fini(&d);
}

Test(drop, ranges_and_totals)
{
	struct pop3_drop d = sample();
	struct buf uids = {0};
	size_t from = 0, count;
	uint64_t octets;

	pop3_drop_ranges(&d, false, &from, 60000, &uids);
	cr_assert_eq(uids.len, 8 * 51, "1:50, and fifty single ones");
	cr_assert_eq(from, 100);
	buf_clear(&uids);
	for (size_t i = 9; i < 20; i++)
		d.messages[i].is_deleted = true;
	from = 0;
	pop3_drop_ranges(&d, true, &from, 60000, &uids);
	cr_assert_eq(uids.len, 8);
	cr_assert_eq(memcmp(uids.data, "\0\0\0\12\0\0\0\24", 8), 0);
	pop3_drop_total(&d, &count, &octets);
	cr_assert_eq(count, 89);
	cr_assert_eq(octets, 890);
	buf_fini(&uids);
	pop3_drop_fini(&d);
}

Test(drop, a_message_without_a_size_is_gone)
{
	struct pop3_drop d = {0};

	pop3_drop_add(&d, 3);
	pop3_drop_add(&d, 5);
	cr_assert(pop3_drop_size(&d, 5, 1));
	cr_assert_not(pop3_drop_size(&d, 3, 1), "out of order, or of another maildrop");
	pop3_drop_settle(&d);
	cr_assert_eq(d.count, 1);
	cr_assert_eq(d.messages[0].uid, 5);
	pop3_drop_fini(&d);
}
