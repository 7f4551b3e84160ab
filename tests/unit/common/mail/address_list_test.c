#include "common/mail/address_list.h"

#include "common/base/limits.h"

#include "tests/unit/unit.h"

UNIT_SUITE(address_list);

static void
show(struct buf *out, const char *name, struct slice s)
{
	if (s.data != NULL)
		buf_printf(out, "%s%.*s|", name, SLICE_FMT(s));
}

/* Items on one line each, so that a case is a pair of texts. */
static void
shown(struct buf *out, struct slice value)
{
	static const char *const kinds[] = {"", "group ", "end"};
	struct address_list l;
	struct address_item item;

	address_list_init(&l, value);
	while (address_list_next(&l, &item)) {
		buf_add_text(out, kinds[item.kind]);
		show(out, "n=", item.name);
		show(out, "r=", item.route);
		show(out, "l=", item.local);
		show(out, "d=", item.domain);
		buf_add_char(out, '\n');
	}
	address_list_fini(&l);
}

Test(address_list, what_fields_hold)
{
	static const struct {
		const char *value, *want;
	} cases[] = {
	    {"", ""},
	    {" \r\n ", ""},
	    {"ann@example.org", "l=ann|d=example.org|\n"},
	    {"Ann <ann@example.org>", "n=Ann|l=ann|d=example.org|\n"},
	    {"\"Ann, \\\"B\\\"\" <ann@example.org>", "n=Ann, \"B\"|l=ann|d=example.org|\n"},
	    {"Ann   B.\r\n Cee <ann@example.org>", "n=Ann B. Cee|l=ann|d=example.org|\n"},
	    {"=?utf-8?Q?J=C3=B6rg?= =?utf-8?Q?B?= <j@x>",
		"n==?utf-8?Q?J=C3=B6rg?= =?utf-8?Q?B?=|l=j|d=x|\n"},
	    {"=?utf-8?Q?A,_B?= <j@x>", "n==?utf-8?Q?A,_B?=|l=j|d=x|\n"},
	    {"a@b, c@d,,e@f", "l=a|d=b|\nl=c|d=d|\nl=e|d=f|\n"},
	    {"a@b (Ann (not B\\) eta))", "n=Ann (not B) eta)|l=a|d=b|\n"},
	    {"(x) Ann (y) <a(z)@(w)b>", "n=Ann|l=a|d=b|\n"},
	    {"\"\" <a@b>", "n=|l=a|d=b|\n"},
	    {"\"a b\"@c", "l=a b|d=c|\n"},
	    {"a . b @ c . d", "l=a.b|d=c.d|\n"},
	    {"a@[192.0.2.1]", "l=a|d=[192.0.2.1]|\n"},
	    {"<@x.example,@y:a@b>", "r=@x.example,@y|l=a|d=b|\n"},
	    {"R <@x , @y : a@b>", "n=R|r=@x,@y|l=a|d=b|\n"},
	    {"<@b>", "l=|d=b|\n"},
	    {"<>", "l=|d=|\n"},
	    {"Team: a@b, C <c@d>;", "group n=Team|\nl=a|d=b|\nn=C|l=c|d=d|\nend\n"},
	    {"undisclosed-recipients:;", "group n=undisclosed-recipients|\nend\n"},
	    {"A Team:a@b;, e@f", "group n=A Team|\nl=a|d=b|\nend\nl=e|d=f|\n"},
	    {"Team: a@b", "group n=Team|\nl=a|d=b|\nend\n"},
	    {"T: U: a@b; c@d", "group n=T|\nl=a|d=b|\nend\nl=c|d=d|\n"},
	    {"root", "l=root|d=|\n"},
	    {"root (Cron)", "n=Cron|l=root|d=|\n"},
	    {"Ann Example", "n=Ann Example|l=|d=|\n"},
	    {"ann@x.org <ann@x.org>", "n=ann@x.org|l=ann|d=x.org|\n"},
	    {"a@b@c, d@e", "l=a|d=b|\nl=d|d=e|\n"},
	    {"a@b; c@d", "l=a|d=b|\nl=c|d=d|\n"},
	    {"Ann <a@b, c@d", "n=Ann|l=a|d=b|\nl=c|d=d|\n"},
	    {"Ann <a@b> garbage \"x,y\" (z,w), c@d", "n=Ann|l=a|d=b|\nl=c|d=d|\n"},
	    {")]>\\ a@b", "l=a|d=b|\n"},
	    {"\"Ann <a@b>, c@d", "n=Ann <a@b>, c@d|l=|d=|\n"},
	    {"J\xc3\xb6rg <j@x>", "n=J\xc3\xb6rg|l=j|d=x|\n"},
	    {"((((", ""},
	    {"<", "l=|d=|\n"},
	    {"@", "l=|d=|\n"},
	    {":;,:", ""},
	    {"\\", ""},
	    {"\"\\", "n=\\|l=|d=|\n"},
	    {"a@[", "l=a|d=[|\n"},
	    {"a@[1\\", "l=a|d=[1|\n"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = {0};

		shown(&out, slice_of(cases[i].value));
		cr_assert(slice_equal_text(buf_slice(&out), cases[i].want), "%s gives\n%swants\n%s",
		    cases[i].value, buf_text(&out), cases[i].want);
		buf_fini(&out);
	}
}

Test(address_list, no_line_end_comes_out)
{
	struct buf out = {0};

	shown(&out, SLICE("\"A\r\nB\0C\" <\"d\r\ne\"@[f\r\ng]> (h\r\ni)"));
	cr_slice_eq(buf_slice(&out), "n=ABC|l=de|d=[fg]|\n");
	buf_fini(&out);
}

Test(address_list, bounded)
{
	static const char *const pieces[] = {
	    "a@b,", "(", "<", "\"", "<@,", "a:", "=?", "x ", "[", "@", ":;"};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct buf value = {0};
		struct address_list l;
		struct address_item item;
		unsigned count = 0;
		int open = 0;

		while (value.len < 2 * LIMIT_FIELD_PARSED)
			buf_add_text(&value, pieces[i]);
		address_list_init(&l, buf_slice(&value));
		while (address_list_next(&l, &item)) {
			count++;
			open += item.kind == ADDRESS_ITEM_GROUP       ? 1
				: item.kind == ADDRESS_ITEM_GROUP_END ? -1
								      : 0;
		}
		cr_assert_leq(count, LIMIT_ADDRESSES + 1);
		cr_assert_eq(open, 0);
		if (i == 0)
			cr_assert_eq(count, LIMIT_ADDRESSES);
		address_list_fini(&l);
		buf_fini(&value);
	}
}

/* Whatever the octets are, the walk ends, and reads nothing outside (the sanitizer watches). */
Test(address_list, any_octets)
{
	static const char letters[] = "ab@.<>(),:;\"\\[] \r\n\0=?\xc3";
	uint32_t seed = 1;

	for (int turn = 0; turn < 20000; turn++) {
		char *text = malloc(24);
		struct buf out = {0};

		for (int i = 0; i < 24; i++) {
			seed = seed * 1664525 + 1013904223;
			text[i] = letters[(seed >> 16) % (sizeof(letters) - 1)];
		}
		shown(&out, slice_make(text, 24));
		buf_fini(&out);
		free(text);
	}
}

Test(address_list, names_are_quoted_when_they_must_be)
{
	static const char *const names[][2] = {
	    {"Ann Lee", "Ann Lee"},
	    {"=?utf-8?q?J=C3=BCrgen?=", "=?utf-8?q?J=C3=BCrgen?="},
	    {"Lee, Ann", "\"Lee, Ann\""},
	    {"A. \"B\" \\ C", "\"A. \\\"B\\\" \\\\ C\""},
	    {"a\r\nBcc: x@y.test", "\"a  Bcc: x@y.test\""},
	    {"J\xc3\xbcrgen", "\"J\xc3\xbcrgen\""},
	};
	struct buf out = {0};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		buf_clear(&out);
		address_name_write(&out, slice_of(names[i][0]));
		cr_assert_str_eq(buf_text(&out), names[i][1]);
	}
	buf_fini(&out);
}
