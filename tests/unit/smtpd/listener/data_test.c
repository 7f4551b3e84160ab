#include "tests/unit/unit.h"

#include "common/base/limits.h"
#include "smtpd/listener/data.h"

UNIT_SUITE(data);

static const struct {
	const char *name;
	struct slice in;
	const char *out;
	size_t taken; /* SIZE_MAX: the end was not found */
	bool bare;
} cases[] = {
    {"plain", {"a\r\n.\r\nNOOP", 10}, "a\r\n", 6, false},
    {"empty", {".\r\n", 3}, "", 3, false},
    {"dots come off", {"..a\r\n...\r\n.b\r\n.\r\n", 17}, ".a\r\n..\r\nb\r\n", 17, false},
    {"LF.LF", {"a\n.\nb\r\n.\r\n", 10}, "a\n.\nb\r\n", 10, true},
    {"LF.CRLF", {"a\n.\r\nb\r\n.\r\n", 11}, "a\n.\r\nb\r\n", 11, true},
    {"CRLF.LF", {"a\r\n.\nb\r\n.\r\n", 11}, "a\r\n\nb\r\n", 11, true},
    {"CR.CR", {"a\r.\rb\r\n.\r\n", 10}, "a\r.\rb\r\n", 10, true},
    {"CR.CRLF", {"a\r.\r\nb\r\n.\r\n", 11}, "a\r.\r\nb\r\n", 11, true},
    {"CRLF.CR", {"a\r\n.\rb\r\n.\r\n", 11}, "a\r\n\rb\r\n", 11, true},
    {"CR.LF", {"a\r.\nb\r\n.\r\n", 10}, "a\r.\nb\r\n", 10, true},
    {"LF.CR", {"a\n.\rb\r\n.\r\n", 10}, "a\n.\rb\r\n", 10, true},
    {"CRLF. CRLF", {"a\r\n. \r\n.\r\n", 10}, "a\r\n \r\n", 10, false},
    {"CRLF.CRCRLF", {"a\r\n.\r\r\n.\r\n", 10}, "a\r\n\r\r\n", 10, true},
    {"no end", {"a\r\n.\r", 5}, "a\r\n", SIZE_MAX, false},
};

/* Whatever the pieces, the same message comes out. */
Test(data, ends_only_where_it_must)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t piece = 1; piece <= cases[i].in.len; piece++) {
			struct smtp_data b;
			struct buf out = {0};
			size_t at = 0;

			smtp_data_init(&b, 1000);
			while (at < cases[i].in.len && b.state != DATA_END)
				at += smtp_data_feed(&b, slice_sub(cases[i].in, at, piece), &out);
			cr_slice_eq(buf_slice(&out), cases[i].out);
			cr_assert_eq(b.has_bare, cases[i].bare, "%s", cases[i].name);
			if (cases[i].taken == SIZE_MAX)
				cr_assert_neq(b.state, DATA_END, "%s", cases[i].name);
			else
				cr_assert_eq(at, cases[i].taken, "%s", cases[i].name);
			buf_fini(&out);
		}
	}
}

Test(data, keeps_nothing_beyond_its_size)
{
	struct smtp_data b;
	struct buf out = {0};

	smtp_data_init(&b, 5);
	smtp_data_feed(&b, SLICE("1234\r\n5678\r\n.\r\n"), &out);
	cr_assert(b.is_too_big);
	cr_assert_eq(b.state, DATA_END);
	cr_assert_leq(out.len, 5);
	buf_fini(&out);
}

Test(data, counts_a_line_without_end)
{
	static char line[70000];
	struct smtp_data b;
	struct buf out = {0};

	memset(line, 0xc3, sizeof(line));
	smtp_data_init(&b, 1000000);
	smtp_data_feed(&b, slice_make(line, 1000), &out);
	cr_assert_not(b.has_long_line);
	smtp_data_feed(&b, slice_make(line, sizeof(line)), &out);
	cr_assert(b.has_long_line);
	cr_assert(b.has_8bit);
	buf_fini(&out);
}

Test(data, counts_a_line_with_its_end)
{
	static char line[LIMIT_TEXT_LINE];

	memset(line, 'x', sizeof(line));
	for (size_t over = 0; over < 2; over++) {
		struct smtp_data b;
		struct buf out = {0};

		smtp_data_init(&b, 1000000);
		for (int i = 0; i < 2; i++) {
			smtp_data_feed(&b, slice_make(line, sizeof(line) - 2 + over), &out);
			smtp_data_feed(&b, SLICE("\r\n"), &out);
		}
		cr_assert_eq(b.has_long_line, over == 1);
		buf_fini(&out);
	}
}
