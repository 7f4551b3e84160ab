#include "common/mail/charset.h"

#include "common/base/utf8.h"
#include "tests/unit/unit.h"

UNIT_SUITE(charset);

Test(charset, to_utf8)
{
	const struct {
		const char *charset;
		struct slice octets;
		const char *want;
	} cases[] = {
	    {"UTF-8", SLICE("gr\xC3\xBC\xC3\x9F"), "grüß"},
	    {"utf-8", SLICE("a\xC3(b\xFF"), "a\uFFFD(b\uFFFD"},
	    {"ISO-8859-1", SLICE("gr\xFC\xDF \x80"), "grüß €"},
	    {"iso-8859-15", SLICE("\xA4"), "€"},
	    {"ISO-8859-2", SLICE("\xB1"), "ą"},
	    {"KOI8-R", SLICE("\xF0\xD2\xC9"), "При"},
	    {"windows-1251", SLICE("\xCF\xF0"), "Пр"},
	    {"ISO-2022-JP", SLICE("\x1B$B$3$s\x1B(B!"), "こん!"},
	    {"Shift_JIS", SLICE("\x82\xB1\x82"), "こ\uFFFD"},
	    {"EUC-JP", SLICE("\xA4\xB3\xFF\xA4\xF3"), "こ\uFFFDん"},
	    {"GB2312", SLICE("\xC4\xE3"), "你"},
	    {"us-ascii", SLICE("plain"), "plain"},
	    {"us-ascii", SLICE("\xC3\xBC"), "ü"},
	    {"us-ascii", SLICE("\xFC"), "ü"},
	    {"x-unknown", SLICE("\x93x\x94"), "“x”"},
	    {"windows-1252", SLICE("\x81"), "\uFFFD"},
	    {"", SLICE("\xFC"), "ü"},
	    {"../../../tmp/x", SLICE("x\xE9"), "xé"},
	    {"UTF-16//TRANSLIT", SLICE("ab"), "ab"},
	    {"wchar_t", SLICE("abcd"), "abcd"},
	    {"UTF-16BE",
		SLICE("\x00"
		      "a\x20\xAC"),
		"a€"},
	    {"UTF-16BE",
		SLICE("\x00"
		      "a\xD8\x00\x00"),
		"a\uFFFD"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = {0};

		charset_to_utf8(slice_of(cases[i].charset), cases[i].octets, &out);
		cr_assert(utf8_is_valid(buf_slice(&out)));
		cr_assert_str_eq(buf_text(&out), cases[i].want, "case %zu %s: %s", i,
		    cases[i].charset, buf_text(&out));
		buf_fini(&out);
	}
}

Test(charset, names_are_no_paths)
{
	static const char *const wrong[] = {"../x", "/etc/passwd", "UTF-8//IGNORE", "", "char",
	    "INTERNAL", "WCHAR_T", "utf 8", "-utf8", "utf-8\n", "x-nobody-knows-it",
	    "a-name-of-a-charset-that-is-longer-than-any-registered"};
	static const char *const right[] = {
	    "utf-8", "ISO-8859-1", "us-ascii", "ISO_8859-1:1987", "big5", "cp437"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_not(charset_is_known(slice_of(wrong[i])), "%s", wrong[i]);
	for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		cr_assert(charset_is_known(slice_of(right[i])), "%s", right[i]);
	cr_assert_not(charset_is_known(SLICE("utf-8\0x")));
}

/* Any octets in any charset end, and end as UTF-8. */
Test(charset, noise_ends_as_utf8)
{
	static const char *const names[] = {"utf-8", "utf-7", "utf-16", "utf-32", "iso-2022-jp",
	    "iso-2022-kr", "iso-2022-cn-ext", "hz", "gb18030", "big5-hkscs", "euc-tw", "shift_jis",
	    "tscii", "cp932", "koi8-r"};
	unsigned seed = 1;

	for (size_t round = 0; round < 200; round++) {
		char noise[300];
		struct buf out = {.max = 4000};

		for (size_t i = 0; i < sizeof(noise); i++) {
			seed = seed * 1103515245 + 12345;
			noise[i] = round % 2 == 0 ? (char)(seed >> 16) : (char)(seed >> 16 & 0x7F);
		}
		charset_to_utf8(slice_of(names[round % (sizeof(names) / sizeof(names[0]))]),
		    slice_make(noise, sizeof(noise)), &out);
		cr_assert(utf8_is_valid(buf_slice(&out)), "%zu", round);
		cr_assert(out.len > 0);
		buf_fini(&out);
	}
}

Test(charset, casemap_makes_equal_texts_equal)
{
	const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
	    {"Hello", "hELLO", true},
	    {"GRÜSSE", "grüße", true},
	    {"é", "e\u0301", true},
	    {"É", "e\u0301", true},
	    {"Σίσυφος", "ΣΊΣΥΦΟΣ", true},
	    {"ﬁn", "FIN", true},
	    {"①", "1", true},
	    {"a\u0301\u0323", "a\u0323\u0301", true},
	    {"x\u0301 y\u0323 Z", "X\u0301 Y\u0323 z", true},
	    {"\u0F40\u0F74\u0F73", "\u0F40\u0F74\u0F71\u0F72", true}, /* starters of two marks */
	    {"ﷺ", "صلى الله عليه وسلم", true},
	    {"e", "é", false},
	    {"a\xFFz", "A\uFFFDZ", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf a = {0}, b = {0};

		charset_casemap(slice_of(cases[i].a), &a);
		charset_casemap(slice_of(cases[i].b), &b);
		cr_assert_eq(slice_equal(buf_slice(&a), buf_slice(&b)), cases[i].equal, "%s and %s",
		    buf_text(&a), buf_text(&b));
		buf_fini(&a);
		buf_fini(&b);
	}
}

/* 200,000 combining marks in a row: bounded memory on the stack, linear time. */
Test(charset, casemap_of_endless_marks, .timeout = 10)
{
	struct buf text = {0}, out = {0};

	for (size_t i = 0; i < 100000; i++)
		buf_add_text(&text, "\u0301\u0323");
	charset_casemap(buf_slice(&text), &out);
	cr_assert_eq(out.len, text.len);
	buf_fini(&text);
	buf_fini(&out);
}
