#include "tests/unit/unit.h"

#include "common/base/pack.h"

UNIT_SUITE(pack);

Test(pack, numbers_come_back_in_network_order)
{
	static const uint64_t numbers[] = {0, 1, 0x7f, 0x80, 0xff, 0x0102030405060708, UINT64_MAX};
	struct buf out = {0};

	pack_number(&out, 4, 0x01020304);
	cr_assert_eq(memcmp(out.data, "\1\2\3\4", 4), 0);
	for (size_t width = 1; width <= 8; width++) {
		uint64_t fits = UINT64_MAX >> (64 - 8 * width), n;

		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			struct slice rest;

			buf_clear(&out);
			pack_number(&out, width, numbers[i]);
			rest = buf_slice(&out);
			cr_assert_eq(rest.len, width);
			cr_assert(unpack_number(&rest, width, &n));
			cr_assert_eq(n, numbers[i] & fits);
			cr_assert_eq(rest.len, 0);
		}
	}
	buf_fini(&out);
}

Test(pack, what_is_cut_is_not_taken)
{
	struct slice rest = SLICE("\0\0\1"), octets = SLICE("before");
	uint64_t n = 5;
	uint32_t u32 = 6;

	cr_assert_not(unpack_number(&rest, 4, &n));
	cr_assert_not(unpack_number(&rest, 8, &n));
	cr_assert_not(unpack_u32(&rest, &u32));
	cr_assert_not(unpack_slice(&rest, &octets));
	cr_assert_not(unpack_octets(&rest, 4, &octets));
	cr_assert_eq(rest.len, 3, "and all is still there");
	cr_assert_eq(n + u32, 11);
	cr_slice_eq(octets, "before");
	cr_assert(unpack_number(&rest, 3, &n));
	cr_assert_eq(n, 1);
	cr_assert_not(unpack_number(&rest, 1, &n), "there is no more");
}

Test(pack, a_length_beyond_the_end_is_not_believed)
{
	static const struct slice damaged[] = {{"\0\0\0\2a", 5}, {"\0\0\0\1", 4},
	    {"\xff\xff\xff\xff"
	     "abc",
		7},
	    {"\x80\0\0\0", 4}, {"\0\0\0", 3}, {NULL, 0}};
	struct slice octets;

	for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		struct slice rest = damaged[i];

		cr_assert_not(unpack_slice(&rest, &octets), "case %zu", i);
		cr_assert_eq(rest.len, damaged[i].len);
	}
	cr_assert_not(unpack_octets(&(struct slice){"abc", 3}, UINT64_MAX, &octets));
}

Test(pack, slices_stand_one_behind_the_other)
{
	struct buf out = {0};
	struct slice rest, octets;

	pack_slice(&out, SLICE("one"));
	pack_slice(&out, SLICE(""));
	pack_slice(&out, SLICE("three"));
	rest = buf_slice(&out);
	cr_assert(unpack_slice(&rest, &octets));
	cr_slice_eq(octets, "one");
	cr_assert(unpack_slice(&rest, &octets));
	cr_assert_eq(octets.len, 0);
	cr_assert(unpack_slice(&rest, &octets));
	cr_slice_eq(octets, "three");
	cr_assert_not(unpack_slice(&rest, &octets));
	buf_fini(&out);
}
