#include "common/mail/header.h"

#include "common/base/limits.h"

#include "tests/unit/unit.h"

UNIT_SUITE(header);

static const char message[] = "Received: one\r\n"
			      "Received: two\r\n\tfolded\r\n"
			      "garbage without a point\r\n"
			      "Subject : a\r\n  b \r\n"
			      "X-Empty:\r\n"
			      "to: c@d\n"
			      "received:three\n"
			      "\r\n"
			      "Received: body\r\n";

Test(header, walk)
{
	static const char *const wanted[] = {"Received=one", "Received=two\r\n\tfolded",
	    "Subject=a\r\n  b", "X-Empty=", "to=c@d", "received=three"};
	struct header_walk w = header_walk(slice_of(message));
	struct header_field f;
	size_t n = 0;

	while (header_next(&w, &f)) {
		struct buf got = {0};

		buf_printf(&got, "%.*s=%.*s", SLICE_FMT(f.name), SLICE_FMT(f.value));
		cr_assert_lt(n, sizeof(wanted) / sizeof(wanted[0]));
		cr_slice_eq(buf_slice(&got), wanted[n]);
		cr_assert_eq(f.whole.data, message + f.start);
		cr_assert_eq(f.whole.len, f.end - f.start);
		n++;
		buf_fini(&got);
	}
	cr_assert_eq(n, 6);
	cr_slice_eq(
	    slice_from(slice_of(message), header_body(slice_of(message))), "Received: body\r\n");
	cr_assert_eq(header_body(slice_of(message)) - header_end(slice_of(message)), 2);
}

Test(header, find)
{
	struct slice value;

	cr_assert(header_find(slice_of(message), SLICE("RECEIVED"), &value));
	cr_slice_eq(value, "one");
	cr_assert_eq(header_count(slice_of(message), SLICE("Received")), 3);
	cr_assert_not(header_find(slice_of(message), SLICE("Cc"), &value));
	cr_assert_eq(header_count(slice_of(message), SLICE("Cc")), 0);
}

Test(header, broken_messages)
{
	static const struct {
		const char *text;
		size_t end, body;
		unsigned fields;
	} cases[] = {
	    {"", 0, 0, 0},
	    {"\r\n", 0, 2, 0},
	    {"\n", 0, 1, 0},
	    {"\r\nX: y\r\n", 0, 2, 0},
	    {"X: y", 4, 4, 1},
	    {"X: y\r\n", 6, 6, 1},
	    {"X: y\r\n\r\n", 6, 8, 1},
	    {"X: y\n\nbody", 5, 6, 1},
	    {": y\r\n\r\n", 5, 7, 0},
	    {"A B: y\r\n\r\n", 8, 10, 0},
	    {"From x@y Thu Jan  1 00:00:00 1970\nX: y\n\n", 39, 40, 1},
	    {" fold first\r\nX: y\r\n\r\n", 19, 21, 1},
	    {"X: y\r\n \r\n\r\n", 9, 11, 1},
	    {"X: y\rZ: w\r\n\r\n", 11, 13, 1},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice s = slice_of(cases[i].text);
		struct header_walk w = header_walk(s);
		struct header_field f;
		unsigned fields = 0;

		while (header_next(&w, &f))
			fields++;
		cr_assert_eq(fields, cases[i].fields, "%s", cases[i].text);
		cr_assert_eq(header_end(s), cases[i].end, "%s: %zu", cases[i].text, header_end(s));
		cr_assert_eq(header_body(s), cases[i].body, "%s", cases[i].text);
	}
}

Test(header, limits)
{
	struct buf b = {0};
	struct header_walk w;
	struct header_field f;
	unsigned n = 0;

	while (b.len < LIMIT_HEADER)
		buf_add_text(&b, "A:b\n");
	buf_add_text(&b, "Late: x\n\n");
	w = header_walk(buf_slice(&b));
	while (header_next(&w, &f))
		n++;
	cr_assert_eq(n, LIMIT_FIELDS);
	buf_clear(&b);
	while (b.len < LIMIT_HEADER)
		buf_add_text(&b, "no field in this line at all\n");
	buf_add_text(&b, "Late: x\n\n");
	w = header_walk(buf_slice(&b));
	cr_assert_not(header_next(&w, &f));
	cr_assert_eq(header_body(buf_slice(&b)), b.len);
	buf_fini(&b);
}

Test(header, unfold)
{
	struct buf out = {0};

	header_unfold(&out, SLICE(" a\r\n b\n\tc\0d\r\n"));
	cr_slice_eq(buf_slice(&out), "a b\tcd");
	buf_fini(&out);
}

Test(header, add)
{
	struct buf out = {0};

	header_add(&out, "Subject", SLICE(" hello "));
	header_add(&out, "X-Empty", SLICE(" \r\n"));
	cr_slice_eq(buf_slice(&out), "Subject: hello\r\nX-Empty:\r\n");
	buf_clear(&out);
	header_add(&out, "X", SLICE("evil\r\nBcc: x@y\nFrom: z\rTo: w\0v\x7f."));
	cr_slice_eq(buf_slice(&out), "X: evil Bcc: x@y From: z To: w v .\r\n");
	buf_fini(&out);
}

Test(header, added_fields_fold_and_unfold)
{
	static const char *const words[] = {
	    "word ", "aquitelongwordwithoutablank", "x", "two  blanks ", "\xc3\xbc"};

	for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
		struct buf value = {0}, out = {0}, back = {0};
		struct slice rest, line, raw;
		size_t longest = 0;

		while (value.len < 3000)
			buf_add_text(&value, words[w]);
		header_add(&out, "X-Test", buf_slice(&value));
		for (rest = buf_slice(&out); slice_split(&rest, '\n', &line);) {
			cr_assert_eq(line.data[line.len - 1], '\r');
			cr_assert_gt(slice_trim(slice_sub(line, 0, line.len - 1)).len, 0,
			    "a line of blanks alone");
			if (longest > 0)
				cr_assert_eq(line.data[0], ' ');
			if (line.len - 1 > longest)
				longest = line.len - 1;
		}
		cr_assert_leq(longest, w == 0 || w == 3 ? 78 : 998);
		cr_assert_eq(header_count(buf_slice(&out), SLICE("X-Test")), 1);
		cr_assert(header_find(buf_slice(&out), SLICE("X-Test"), &raw));
		header_unfold(&back, raw);
		if (w == 0 || w == 3)
			cr_assert(slice_equal(buf_slice(&back), slice_trim(buf_slice(&value))));
		buf_fini(&value);
		buf_fini(&out);
		buf_fini(&back);
	}
}

Test(header, blanks_folds_and_comments_are_passed_over)
{
	static const struct {
		const char *value, *rest;
	} cases[] = {{"x", "x"}, {" \t\r\n x", "x"}, {"(a (b) \\) c) x", "x"}, {"(open", ""},
	    {"(open\\", ""}, {") x", ") x"}, {"\\ x", "\\ x"}, {"", ""}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice value = slice_of(cases[i].value);

		header_skip_blanks(&value);
		cr_slice_eq(value, cases[i].rest);
	}
}
