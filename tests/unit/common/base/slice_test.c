#include "tests/unit/unit.h"

UNIT_SUITE(slice);

Test(slice, numbers)
{
	static const struct {
		const char *text;
		uint64_t max, want;
		bool ok;
	} cases[] = {
	    {"0", 10, 0, true},
	    {"10", 10, 10, true},
	    {"11", 10, 0, false},
	    {"18446744073709551615", UINT64_MAX, UINT64_MAX, true},
	    {"18446744073709551616", UINT64_MAX, 0, false},
	    {"4294967296", UINT32_MAX, 0, false},
	    {"", 10, 0, false},
	    {"-1", 10, 0, false},
	    {"1 ", 10, 0, false},
	    {"0x10", 100, 0, false},
	    {"007", 10, 7, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t n = 0;

		cr_assert_eq(slice_number(slice_of(cases[i].text), cases[i].max, &n), cases[i].ok,
		    "%s", cases[i].text);
		if (cases[i].ok)
			cr_assert_eq(n, cases[i].want);
	}
}

Test(slice, split_and_words)
{
	struct slice rest = SLICE("a::b"), part, word;

	cr_assert(slice_split(&rest, ':', &part));
	cr_slice_eq(part, "a");
	cr_assert(slice_split(&rest, ':', &part));
	cr_slice_eq(part, "");
	cr_assert(slice_split(&rest, ':', &part));
	cr_slice_eq(part, "b");
	cr_assert_not(slice_split(&rest, ':', &part));

	rest = SLICE("  one\ttwo ");
	cr_assert(slice_word(&rest, &word));
	cr_slice_eq(word, "one");
	cr_assert(slice_word(&rest, &word));
	cr_slice_eq(word, "two");
	cr_assert_not(slice_word(&rest, &word));
}

Test(slice, chomp_takes_one_cr)
{
	cr_slice_eq(slice_chomp(SLICE("a\r")), "a");
	cr_slice_eq(slice_chomp(SLICE("a\r\r")), "a\r");
	cr_slice_eq(slice_chomp(SLICE("\ra")), "\ra");
	cr_slice_eq(slice_chomp(SLICE("")), "");
}

Test(slice, clamps_instead_of_reaching_outside)
{
	struct slice s = SLICE("abc");

	cr_slice_eq(slice_from(s, 9), "");
	cr_slice_eq(slice_sub(s, 1, SIZE_MAX), "bc");
	cr_assert(slice_has_suffix_nocase(s, SLICE("BC")));
	cr_assert_not(slice_has_suffix_nocase(s, SLICE("xabc")));
	cr_assert_eq(slice_find_last(SLICE("a.b.c"), '.'), 3);
	cr_assert_eq(slice_search(s, SLICE("bc")), 1);
	cr_assert_eq(slice_search(s, SLICE("abcd")), -1);
}

Test(slice, copy_refuses_what_does_not_fit_or_lies)
{
	char out[4];

	cr_assert(slice_copy(SLICE("abc"), out, sizeof(out)));
	cr_assert_str_eq(out, "abc");
	cr_assert_not(slice_copy(SLICE("abcd"), out, sizeof(out)));
	cr_assert_str_eq(out, "");
	cr_assert_not(slice_copy(SLICE("a\0b"), out, sizeof(out)));
}
