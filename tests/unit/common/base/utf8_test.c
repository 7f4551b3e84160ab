#include "common/base/utf8.h"

#include "tests/unit/unit.h"

UNIT_SUITE(utf8);

static size_t
count(struct slice s)
{
	size_t n = 0, taken;
	bool wrong;

	for (; s.len > 0; n++) {
		utf8_next(s, &taken, &wrong);
		s = slice_from(s, taken);
	}
	return n;
}

/* A wrong octet counts as one character. */
Test(utf8, validity_and_count)
{
	const struct {
		struct slice text;
		size_t count;
		bool valid;
	} cases[] = {
	    {SLICE(""), 0, true},
	    {SLICE("plain text that is longer than eight"), 36, true},
	    {SLICE("gr\xC3\xBC\xC3\x9F"
		   "e"),
		5, true},
	    {SLICE("\xE2\x82\xAC \xF0\x9F\x93\xA8"), 3, true},
	    {SLICE("\x00x"), 2, true},
	    {SLICE("\xF4\x8F\xBF\xBF"), 1, true},
	    {SLICE("\xF4\x90\x80\x80"), 4, false}, /* above U+10FFFF */
	    {SLICE("\xED\xA0\x80"), 3, false},     /* a surrogate */
	    {SLICE("\xED\x9F\xBF"), 1, true},
	    {SLICE("\xC0\xAF"), 2, false}, /* overlong */
	    {SLICE("\xE0\x80\xAF"), 3, false},
	    {SLICE("\xF0\x80\x80\xAF"), 4, false},
	    {SLICE("\xC0\x80"), 2, false},
	    {SLICE("abc\xC3"), 4, false}, /* cut */
	    {SLICE("abc\xE2\x82"), 5, false},
	    {SLICE("\x80"), 1, false},
	    {SLICE("\xC3x"), 2, false},
	    {SLICE("\xF5\x80\x80\x80"), 4, false},
	    {SLICE("12345678\xFF"), 9, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(utf8_is_valid(cases[i].text), cases[i].valid, "case %zu", i);
		cr_assert_eq(count(cases[i].text), cases[i].count, "case %zu", i);
	}
	cr_assert(utf8_is_ascii(SLICE("abcdefghij")));
	cr_assert_not(utf8_is_ascii(SLICE("abcdefghij\x80")));
}

Test(utf8, every_character_comes_back)
{
	for (uint32_t code = 0; code <= 0x10FFFF; code++) {
		char octets[UTF8_LONGEST];
		size_t len = utf8_put(code, octets), taken;
		bool wrong;
		uint32_t back = utf8_next(slice_make(octets, len), &taken, &wrong);

		cr_assert_not(wrong);
		cr_assert_eq(taken, len);
		if (code >= 0xD800 && code <= 0xDFFF)
			cr_assert_eq(back, UTF8_REPLACEMENT);
		else
			cr_assert_eq(back, code);
	}
}

Test(utf8, what_cannot_be_carried_is_replaced)
{
	char octets[UTF8_LONGEST];

	cr_assert_eq(utf8_put(0x110000, octets), 3);
	cr_assert_eq(memcmp(octets, "\xEF\xBF\xBD", 3), 0);
	cr_assert_eq(utf8_put(0xDC00, octets), 3);
	cr_assert_eq(memcmp(octets, "\xEF\xBF\xBD", 3), 0);
}

Test(utf8, what_is_printable_has_no_control)
{
	cr_assert(utf8_is_printable(SLICE("a \xc3\xa4~")));
	cr_assert(utf8_is_printable(SLICE("")));
	cr_assert_not(utf8_is_printable(SLICE("a\0b")));
	cr_assert_not(utf8_is_printable(SLICE("a\x1b[2J")));
	cr_assert_not(utf8_is_printable(SLICE("a\x7f")));
	cr_assert_not(utf8_is_printable(SLICE("\xc3")));
}
