#include "common/base/encode.h"

#include "tests/unit/unit.h"

UNIT_SUITE(encode);

struct decoding {
	const char *text;
	const char *want; /* NULL: refused */
};

static void
check(bool (*decode)(struct buf *, struct slice), const struct decoding *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buf out = {0};
		bool ok;

		buf_add_char(&out, '>');
		ok = decode(&out, slice_of(cases[i].text));
		cr_assert_eq(ok, cases[i].want != NULL, "%s", cases[i].text);
		cr_slice_eq(slice_from(buf_slice(&out), 1), ok ? cases[i].want : "");
		buf_fini(&out);
	}
}

#define CHECK(decode, cases) check((decode), (cases), sizeof(cases) / sizeof((cases)[0]))

Test(encode, base64_takes_only_what_rfc_4648_allows)
{
	static const struct decoding cases[] = {
	    {"", ""},
	    {"Zg==", "f"},
	    {"Zm8=", "fo"},
	    {"Zm9v", "foo"},
	    {"Zm9vYg==", "foob"},
	    {"Zm9vYmE=", "fooba"},
	    {"Zm9vYmFy", "foobar"},
	    {"Zg", NULL},
	    {"Zg=", NULL},
	    {"Z", NULL},
	    {"=", NULL},
	    {"====", NULL},
	    {"Z===", NULL},
	    {"Zg==Zg==", NULL},
	    {"Zh==", NULL},
	    {"Zm9=", NULL},
	    {"Zm 9v", NULL},
	    {"Zm9v\n", NULL},
	    {"Zm9v\r\nZm9v", NULL},
	    {"Zm-v", NULL},
	    {"Zm\xc3\xbcv", NULL},
	    {"Zg=a", NULL},
	};

	CHECK(base64_decode, cases);
}

Test(encode, xtext_hides_no_line_end)
{
	static const struct decoding cases[] = {
	    {"", ""},
	    {"a+2Bb", "a+b"},
	    {"a+20b", "a b"},
	    {"QQ314159", "QQ314159"},
	    {"a+0D+0AX:+20y", NULL},
	    {"a+0Ab", NULL},
	    {"a+0D", NULL},
	    {"a+00b", NULL},
	    {"+ZZ", NULL},
	    {"a+2b", NULL},
	    {"a+", NULL},
	    {"a+2", NULL},
	    {"a=b", NULL},
	    {"a b", NULL},
	    {"\xc3\xbc", NULL},
	    {"a\x7f", NULL},
	    {"a\r\n", NULL},
	};

	CHECK(xtext_decode, cases);
}

Test(encode, unitext)
{
	static const struct decoding cases[] = {
	    {"", ""},
	    {"ab@c", "ab@c"},
	    {"\\x{FC}b", "\xc3\xbc"
			 "b"},
	    {"\xc3\xbc", "\xc3\xbc"},
	    {"\\x{1F600}", "\xf0\x9f\x98\x80"},
	    {"a\\x{2B}b", "a+b"},
	    {"a\\x{5C}b", "a\\b"},
	    {"a+b", NULL},
	    {"a b", NULL},
	    {"\\x{}", NULL},
	    {"\\x{D}", NULL},
	    {"\\x{0A}", NULL},
	    {"\\x{85}", NULL},
	    {"\\x{FC", NULL},
	    {"\\", NULL},
	    {"\\y", NULL},
	    {"a\xc3", NULL},
	    {"\\x{1234567}", NULL},
	};

	CHECK(unitext_decode, cases);
}

Test(encode, every_octet_comes_back)
{
	static const struct {
		void (*encode)(struct buf *, struct slice);
		bool (*decode)(struct buf *, struct slice);
		bool controls;
	} pairs[] = {
	    {base64_encode, base64_decode, true},
	    {xtext_encode, xtext_decode, false},
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		for (int c = 0; c < 256; c++) {
			char octets[] = {'a', (char)c, 'z', (char)c};
			struct buf text = {0}, back = {0};
			bool hidden = c < ' ' || c == 127;

			pairs[i].encode(&text, slice_make(octets, sizeof(octets)));
			cr_assert_eq(
			    pairs[i].decode(&back, buf_slice(&text)), pairs[i].controls || !hidden);
			if (pairs[i].controls || !hidden)
				cr_assert(slice_equal(
				    buf_slice(&back), slice_make(octets, sizeof(octets))));
			buf_fini(&text);
			buf_fini(&back);
		}
	}
}

Test(encode, unitext_comes_back)
{
	struct slice text = SLICE("a b+c=d\\e\xc3\xbc\xf0\x9f\x98\x80");
	struct buf encoded = {0}, back = {0};

	unitext_encode(&encoded, text);
	cr_slice_eq(buf_slice(&encoded), "a\\x{20}b\\x{2B}c\\x{3D}d\\x{5C}e\\x{FC}\\x{1F600}");
	cr_assert(unitext_decode(&back, buf_slice(&encoded)));
	cr_assert(slice_equal(buf_slice(&back), text));
	buf_fini(&encoded);
	buf_fini(&back);
}

Test(encode, a_full_buffer_is_a_refusal)
{
	struct buf out;

	buf_init(&out, 4);
	cr_assert_not(base64_decode(&out, SLICE("Zm9vYmFy")));
	cr_assert_eq(out.len, 0);
	buf_fini(&out);
}
