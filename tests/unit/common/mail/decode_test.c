#include "common/mail/decode.h"

#include "tests/unit/unit.h"

UNIT_SUITE(decode);

Test(decode, whole_and_in_pieces)
{
	const struct {
		enum transfer_encoding encoding;
		struct slice text, want;
	} cases[] = {
	    {ENCODING_7BIT, SLICE("a=41 \r\n"), SLICE("a=41 \r\n")},
	    {ENCODING_BINARY, SLICE("a\0b"), SLICE("a\0b")},
	    {ENCODING_UNKNOWN, SLICE("begin 644 x\n#86)C\n`\nend\n"),
		SLICE("begin 644 x\n#86)C\n`\nend\n")},
	    {ENCODING_BASE64, SLICE(""), SLICE("")},
	    {ENCODING_BASE64, SLICE("SGVsbG8="), SLICE("Hello")},
	    {ENCODING_BASE64, SLICE("SGVs\r\n bG8\t=\r\n"), SLICE("Hello")},
	    {ENCODING_BASE64, SLICE("SGVsbG8"), SLICE("Hello")},
	    {ENCODING_BASE64, SLICE("SGVsbG8h"), SLICE("Hello!")},
	    {ENCODING_BASE64, SLICE("SGVsbA==SGVsbG8="), SLICE("HellHello")},
	    {ENCODING_BASE64, SLICE("S*G?V~s\0b\xFFG8="), SLICE("Hello")},
	    {ENCODING_BASE64, SLICE("===="), SLICE("")},
	    {ENCODING_BASE64, SLICE("S"), SLICE("")},
	    {ENCODING_BASE64, SLICE("S==="), SLICE("")},
	    {ENCODING_BASE64, SLICE("/+8="), SLICE("\xFF\xEF")},
	    {ENCODING_QUOTED_PRINTABLE, SLICE("caf=C3=A9=\r\n!"), SLICE("caf\xC3\xA9!")},
	    {ENCODING_QUOTED_PRINTABLE, SLICE("=c3=a9"), SLICE("\xC3\xA9")},
	    {ENCODING_QUOTED_PRINTABLE, SLICE("a  \t\r\nb \nc"), SLICE("a\r\nb\nc")},
	    {ENCODING_QUOTED_PRINTABLE, SLICE("a b =20\r\n"), SLICE("a b  \r\n")},
	    {ENCODING_QUOTED_PRINTABLE, SLICE("soft= \t\r\nbreak=\nagain"),
		SLICE("softbreakagain")},
	    {ENCODING_QUOTED_PRINTABLE, SLICE("=ZZ = x =4G =="), SLICE("=ZZ = x =4G =")},
	    {ENCODING_QUOTED_PRINTABLE, SLICE("=4\r\n="), SLICE("=4\r\n")},
	    {ENCODING_QUOTED_PRINTABLE, SLICE("a\rb\r\r\n"), SLICE("a\rb\r\r\n")},
	    {ENCODING_QUOTED_PRINTABLE, SLICE("=3D=3D"), SLICE("==")},
	    {ENCODING_QUOTED_PRINTABLE, SLICE("==41"), SLICE("=A")},
	    {ENCODING_QUOTED_PRINTABLE, SLICE("end  "), SLICE("end")},
	    {ENCODING_QUOTED_PRINTABLE, SLICE("8\xFF\x00="), SLICE("8\xFF\x00")},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = {0};
		struct decode d;

		decode_all(cases[i].encoding, cases[i].text, &out);
		cr_assert(
		    slice_equal(buf_slice(&out), cases[i].want), "case %zu: %s", i, buf_text(&out));
		buf_clear(&out);
		decode_init(&d, cases[i].encoding);
		for (size_t at = 0; at < cases[i].text.len; at++)
			decode_feed(&d, slice_sub(cases[i].text, at, 1), &out);
		decode_finish(&d, &out);
		cr_assert(slice_equal(buf_slice(&out), cases[i].want), "case %zu in pieces: %s", i,
		    buf_text(&out));
		buf_fini(&out);
	}
}

/* More blanks than the decoder may hold are text, and none is lost or added before one. */
Test(decode, holds_a_bounded_number_of_blanks)
{
	char blanks[10 * DECODE_HELD + 1];
	struct buf out = {0};

	memset(blanks, ' ', sizeof(blanks));
	blanks[sizeof(blanks) - 1] = 'x';
	decode_all(ENCODING_QUOTED_PRINTABLE, slice_make(blanks, sizeof(blanks)), &out);
	cr_assert(slice_equal(buf_slice(&out), slice_make(blanks, sizeof(blanks))));
	buf_fini(&out);
}

Test(decode, stays_within_the_buffer)
{
	struct buf out = {.max = 4};

	decode_all(ENCODING_BASE64, SLICE("SGVsbG8gd29ybGQ="), &out);
	cr_assert(buf_overflowed(&out));
	cr_assert(out.len <= 4);
	buf_clear(&out);
	decode_all(ENCODING_QUOTED_PRINTABLE, SLICE("abc=20defghi"), &out);
	cr_assert(buf_overflowed(&out));
	cr_assert(out.len <= 4);
	buf_fini(&out);
}

Test(decode, names)
{
	const struct {
		const char *value;
		enum transfer_encoding encoding;
	} names[] = {
	    {"7bit", ENCODING_7BIT},
	    {" 8BIT", ENCODING_8BIT},
	    {"Binary\t", ENCODING_BINARY},
	    {" (why) Quoted-Printable (this)", ENCODING_QUOTED_PRINTABLE},
	    {" \r\n base64;", ENCODING_BASE64},
	    {"\"base64\"", ENCODING_BASE64},
	    {"base64x", ENCODING_UNKNOWN},
	    {"x-uuencode", ENCODING_UNKNOWN},
	    {"", ENCODING_7BIT},
	    {"(base64)", ENCODING_7BIT},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		cr_assert_eq(transfer_encoding_parse(slice_of(names[i].value)), names[i].encoding,
		    "%s", names[i].value);
}
