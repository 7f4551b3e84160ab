#include "tests/unit/unit.h"

#include "common/base/id.h"

UNIT_SUITE(id);

Test(id, grows_even_when_the_clock_steps_back)
{
	uint64_t a = id_next(0, 1000000), b = id_next(a, 999999), c = id_next(b, 1000001);

	cr_assert_lt(a, b);
	cr_assert_lt(b, c);
}

Test(id, reads_what_it_writes)
{
	static const uint64_t ids[] = {0, 1, 31, 32, 0x123456789abcdef0U, UINT64_MAX};
	char text[ID_TEXT];

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		uint64_t back = 1;

		cr_assert(id_parse(slice_of(id_format(ids[i], text)), &back));
		cr_assert_eq(back, ids[i]);
	}
}

Test(id, refuses_other_text)
{
	static const char *const wrong[] = {"", "0", "00000000000000", "000000000000u",
	    "g000000000000", "zzzzzzzzzzzzz", "00000000 0000", "000000000000\x80"};
	uint64_t id;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_not(id_parse(slice_of(wrong[i]), &id), "%s", wrong[i]);
}
