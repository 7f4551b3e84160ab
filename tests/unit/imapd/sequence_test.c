#include "tests/unit/unit.h"

#include "common/base/buf.h"
#include "imapd/sequence.h"

UNIT_SUITE(sequence);

static const char *const wrong[] = {"", "0", "4294967296", "18446744073709551617", "-1", "1,,2",
    "1:", ":1", "1,", ",1", "1:2:3", "a", "1 2", "**", "1:0", "+1"};

Test(sequence, refuses_what_is_no_set)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct imap_set set;

		cr_assert_not(imap_set_parse(&set, slice_of(wrong[i])), "%s", wrong[i]);
		cr_assert_null(set.ranges);
	}
}

static const struct {
	const char *in;
	uint32_t most;
	const char *out;
} cases[] = {
    {"1", 10, "1-1 "},
    {"*", 10, "10-10 "},
    {"*", 0, ""},
    {"1:*", 0, ""},
    {"3:1", 10, "1-3 "},
    {"12:*", 10, "10-12 "},
    {"5,1,3", 10, "1-1 3-3 5-5 "},
    {"1:3,4:6", 10, "1-6 "},
    {"1:5,2:3,9", 10, "1-5 9-9 "},
    {"1:4294967295,7", 10, "1-4294967295 "},
    {"4294967295,4294967294", 10, "4294967294-4294967295 "},
};

Test(sequence, resolves_to_sorted_ranges_without_overlap)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct imap_set set;
		struct buf out = {0};

		cr_assert(imap_set_parse(&set, slice_of(cases[i].in)));
		imap_set_resolve(&set, cases[i].most);
		for (size_t n = 0; n < set.count; n++)
			buf_printf(&out, "%u-%u ", set.ranges[n].first, set.ranges[n].last);
		cr_slice_eq(buf_slice(&out), cases[i].out);
		buf_fini(&out);
		imap_set_fini(&set);
	}
}

Test(sequence, knows_what_lies_beyond)
{
	struct imap_set set;

	cr_assert(imap_set_parse(&set, SLICE("1,4:6")));
	cr_assert(imap_set_is_beyond(&set, 5));
	cr_assert_not(imap_set_is_beyond(&set, 6));
	imap_set_fini(&set);
	cr_assert(imap_set_parse(&set, SLICE("9:*")));
	cr_assert_not(imap_set_is_beyond(&set, 5));
	imap_set_fini(&set);
}
