#include "common/mail/word.h"

#include "common/base/utf8.h"
#include "tests/unit/unit.h"

UNIT_SUITE(word);

Test(word, decode)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
	    {"", ""},
	    {"plain text", "plain text"},
	    {"=?ISO-8859-1?Q?a?=", "a"},
	    {"=?ISO-8859-1?Q?a?= b", "a b"},
	    {"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"},
	    {"=?ISO-8859-1?Q?a?=\r\n  =?utf-8?q?b?=", "ab"},
	    {"=?ISO-8859-1?Q?a_b?=", "a b"},
	    {"=?iso-8859-1*en?q?=E9t=e9?=", "été"},
	    {"=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"},
	    {"=?utf-8?B?R3LDvMOfZQ?=", "Grüße"},
	    {"x =?utf-8?Q?=C3?= =?utf-8?Q?=BC?= y", "x ü y"},
	    {"=?utf-8?B?4oI=?= =?UTF-8?B?rA==?=", "€"},
	    {"=?utf-8?Q?two words?=", "two words"},
	    {"a=?utf-8?Q?b?=c", "abc"},
	    {"=?utf-8?X?b?=", "=?utf-8?X?b?="},
	    {"=?utf-8?Q?open", "=?utf-8?Q?open"},
	    {"=??Q?x?=", "=??Q?x?="},
	    {"=?", "=?"},
	    {"=?a", "=?a"},
	    {"=?a?q", "=?a?q"},
	    {"=?a?q?", "=?a?q?"},
	    {"=?utf-8?Q?"
	     "?=",
		""},
	    {"=?utf-8?Q?=41=4?=", "A=4"},
	    {"=?no-such-set?Q?=FC?=", "ü"},
	    {"=?utf-8?Q?=FF?=", "\uFFFD"},
	    {"raw \xC3\xBC", "raw ü"},
	    {"raw \xFC", "raw ü"},
	    {"folded\r\n\ttext", "folded\ttext"},
	    {"bare\nline", "bare line"},
	    {"=?utf-8?Q?a=0D=0AX-Evil:_b=00c?=", "a X-Evil: bc"},
	    {"=?x/../y?Q?a?=", "a"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = {0};

		word_decode(slice_of(cases[i].text), &out);
		cr_assert_str_eq(
		    buf_text(&out), cases[i].want, "%s gives %s", cases[i].text, buf_text(&out));
		buf_fini(&out);
	}
}

/* Words that never close, and half broken ones: linear time. */
Test(word, hostile_text_is_read_in_linear_time, .timeout = 5)
{
	struct buf text = {0}, out = {0};

	for (size_t i = 0; i < 200000; i++)
		buf_add_text(&text, "=?a?q?x");
	word_decode(buf_slice(&text), &out);
	cr_assert_eq(out.len, text.len);
	buf_clear(&text);
	buf_clear(&out);
	for (size_t i = 0; i < 5000; i++)
		buf_add_text(&text, i % 2 == 0 ? "=?utf-8?Q?=C3?= " : "=?utf-8?B?/w==?= =?x?");
	word_decode(buf_slice(&text), &out);
	cr_assert(utf8_is_valid(buf_slice(&out)));
	buf_fini(&text);
	buf_fini(&out);
}
