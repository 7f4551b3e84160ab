#include "common/mail/imap_string.h"

#include "tests/unit/unit.h"

UNIT_SUITE(imap_string);

Test(imap_string, forms)
{
	const struct {
		struct slice text, string, astring;
	} cases[] = {
	    {SLICE(""), SLICE("\"\""), SLICE("\"\"")},
	    {SLICE("INBOX"), SLICE("\"INBOX\""), SLICE("INBOX")},
	    {SLICE("a b"), SLICE("\"a b\""), SLICE("\"a b\"")},
	    {SLICE("a]b"), SLICE("\"a]b\""), SLICE("a]b")},
	    {SLICE("nil"), SLICE("\"nil\""), SLICE("\"nil\"")},
	    {SLICE("a%"), SLICE("\"a%\""), SLICE("\"a%\"")},
	    {SLICE("\\\"x\""), SLICE("\"\\\\\\\"x\\\"\""), SLICE("\"\\\\\\\"x\\\"\"")},
	    {SLICE("a\tb\x01"), SLICE("\"a\tb\x01\""), SLICE("\"a\tb\x01\"")},
	    {SLICE("a\0b"), SLICE("\"ab\""), SLICE("\"ab\"")},
	    {SLICE("\0"), SLICE("\"\""), SLICE("\"\"")},
	    {SLICE("a\r\nb"), SLICE("{4}\r\na\r\nb"), SLICE("{4}\r\na\r\nb")},
	    {SLICE("a\nb"), SLICE("{3}\r\na\nb"), SLICE("{3}\r\na\nb")},
	    {SLICE("\xC3\xBC"), SLICE("{2}\r\n\xC3\xBC"), SLICE("{2}\r\n\xC3\xBC")},
	    {SLICE("\0\xFF\0\0x\0"), SLICE("{2}\r\n\xFFx"), SLICE("{2}\r\n\xFFx")},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = {0};

		imap_string(&out, cases[i].text);
		cr_assert(slice_equal(buf_slice(&out), cases[i].string), "case %zu: %s", i,
		    buf_text(&out));
		buf_clear(&out);
		imap_astring(&out, cases[i].text);
		cr_assert(slice_equal(buf_slice(&out), cases[i].astring), "case %zu: %s", i,
		    buf_text(&out));
		buf_fini(&out);
	}
}

Test(imap_string, nil_is_not_the_empty_string)
{
	struct buf out = {0};

	imap_nstring(&out, (struct slice){0});
	imap_nstring(&out, SLICE(""));
	cr_slice_eq(buf_slice(&out), "NIL\"\"");
	buf_fini(&out);
}

Test(imap_string, long_text_becomes_a_literal)
{
	char text[IMAP_QUOTED_LONGEST + 1];
	struct buf out = {0};

	memset(text, 'x', sizeof(text));
	imap_string(&out, slice_make(text, IMAP_QUOTED_LONGEST));
	cr_assert_eq(out.len, IMAP_QUOTED_LONGEST + 2);
	buf_clear(&out);
	imap_astring(&out, slice_make(text, sizeof(text)));
	cr_assert(slice_has_prefix(buf_slice(&out), SLICE("{1001}\r\nxxx")));
	buf_fini(&out);
}
