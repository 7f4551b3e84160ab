#include "common/mail/address.h"

#include "common/base/limits.h"

#include "tests/unit/unit.h"

UNIT_SUITE(address);

static struct buf
repeated(const char *before, char c, size_t times, const char *after)
{
	struct buf b = {0};

	buf_add_text(&b, before);
	for (size_t i = 0; i < times; i++)
		buf_add_char(&b, c);
	buf_add_text(&b, after);
	return b;
}

static const struct {
	const char *text;
	unsigned allow;
	enum address_result want;
	const char *formatted;
} mailboxes[] = {
    {"alice@example.test", 0, ADDRESS_OK, "alice@example.test"},
    {"a@b", 0, ADDRESS_OK, "a@b"},
    {"Alice.B+x@Example.TEST", 0, ADDRESS_OK, "Alice.B+x@example.test"},
    {"!#$%&'*+-/=?^_`{|}~@b", 0, ADDRESS_OK, "!#$%&'*+-/=?^_`{|}~@b"},
    {"\"alice\"@b", 0, ADDRESS_OK, "alice@b"},
    {"\"al\\ice\"@b", 0, ADDRESS_OK, "alice@b"},
    {"\"a b\"@c", 0, ADDRESS_OK, "\"a b\"@c"},
    {"\"a@b\"@c", 0, ADDRESS_OK, "\"a@b\"@c"},
    {"\"a..b\"@c", 0, ADDRESS_OK, "\"a..b\"@c"},
    {"\"a\\\"b\"@c", 0, ADDRESS_OK, "\"a\\\"b\"@c"},
    {"\"a\\\\\"@c", 0, ADDRESS_OK, "\"a\\\\\"@c"},
    {"\"../../../etc/x\"@c", 0, ADDRESS_OK, "\"../../../etc/x\"@c"},
    {"a@[192.0.2.7]", 0, ADDRESS_OK, "a@[192.0.2.7]"},
    {"a@[IPv6:2001:db8::1]", 0, ADDRESS_OK, "a@[ipv6:2001:db8::1]"},
    {"a@b_c.example", 0, ADDRESS_OK, "a@b_c.example"},
    {"a@1and1.example", 0, ADDRESS_OK, "a@1and1.example"},
    {"u%h@ours", 0, ADDRESS_OK, "u%h@ours"},
    {"h!u@ours", 0, ADDRESS_OK, "h!u@ours"},
    {"", 0, ADDRESS_SYNTAX, NULL},
    {"alice", 0, ADDRESS_SYNTAX, NULL},
    {"@b", 0, ADDRESS_SYNTAX, NULL},
    {"a@", 0, ADDRESS_BAD_DOMAIN, NULL},
    {"a@b@c", 0, ADDRESS_BAD_DOMAIN, NULL},
    {"a@b>", 0, ADDRESS_SYNTAX, NULL},
    {"a@b,c", 0, ADDRESS_SYNTAX, NULL},
    {"a@b c", 0, ADDRESS_BAD_DOMAIN, NULL},
    {" a@b", 0, ADDRESS_SYNTAX, NULL},
    {"a b@c", 0, ADDRESS_SYNTAX, NULL},
    {".@ours", 0, ADDRESS_SYNTAX, NULL},
    {"..@ours", 0, ADDRESS_SYNTAX, NULL},
    {".a@b", 0, ADDRESS_SYNTAX, NULL},
    {"a.@b", 0, ADDRESS_SYNTAX, NULL},
    {"a..b@c", 0, ADDRESS_SYNTAX, NULL},
    {"\"\"@ours", 0, ADDRESS_SYNTAX, NULL},
    {"\"a\\\"@ours", 0, ADDRESS_SYNTAX, NULL},
    {"\"a\"b@c", 0, ADDRESS_SYNTAX, NULL},
    {"\"a\rb\"@c", 0, ADDRESS_SYNTAX, NULL},
    {"\"a\\\nb\"@c", 0, ADDRESS_SYNTAX, NULL},
    {"a\tb@c", 0, ADDRESS_SYNTAX, NULL},
    {"a\x7f@c", 0, ADDRESS_SYNTAX, NULL},
    {"$(id)@ours", 0, ADDRESS_SYNTAX, NULL},
    {"<a@b>", 0, ADDRESS_SYNTAX, NULL},
    {"far.", 0, ADDRESS_SYNTAX, NULL},
    {"u@far.", 0, ADDRESS_BAD_DOMAIN, NULL},
    {"u@.far", 0, ADDRESS_BAD_DOMAIN, NULL},
    {"u@a..b", 0, ADDRESS_BAD_DOMAIN, NULL},
    {"u@-a", 0, ADDRESS_BAD_DOMAIN, NULL},
    {"u@a-", 0, ADDRESS_BAD_DOMAIN, NULL},
    {"u@192.0.2.7", 0, ADDRESS_BAD_DOMAIN, NULL},
    {"u@[192.0.2.7", 0, ADDRESS_BAD_DOMAIN, NULL},
    {"u@[192.0.2.777]", 0, ADDRESS_BAD_DOMAIN, NULL},
    {"u@[2001:db8::1]", 0, ADDRESS_BAD_DOMAIN, NULL},
    {"u@[IPv6:192.0.2.7]", 0, ADDRESS_BAD_DOMAIN, NULL},
    {"u@[IPv6:::::]", 0, ADDRESS_BAD_DOMAIN, NULL},
    {"u@[]", 0, ADDRESS_BAD_DOMAIN, NULL},
    {"u@a[192.0.2.7]", 0, ADDRESS_BAD_DOMAIN, NULL},
    {"u@[192.0.2.7]x", 0, ADDRESS_SYNTAX, NULL},
    {"u@a/../b", 0, ADDRESS_BAD_DOMAIN, NULL},
};

Test(address, mailboxes)
{
	for (size_t i = 0; i < sizeof(mailboxes) / sizeof(mailboxes[0]); i++) {
		struct buf out = {0};
		struct address a = {.local = SLICE("untouched")};
		enum address_result got =
		    address_parse(slice_of(mailboxes[i].text), mailboxes[i].allow, &a);

		cr_assert_eq(
		    got, mailboxes[i].want, "%s: %s", mailboxes[i].text, address_result_name(got));
		if (got == ADDRESS_OK) {
			address_format(&out, &a);
			cr_slice_eq(buf_slice(&out), mailboxes[i].formatted);
		} else {
			cr_slice_eq(a.local, "untouched");
		}
		buf_fini(&out);
	}
}

Test(address, utf8_only_where_it_is_allowed)
{
	static const struct {
		const char *text;
		enum address_result plain, utf8;
	} cases[] = {
	    {"\xc3\xbc@b", ADDRESS_UTF8, ADDRESS_OK},
	    {"a@b\xc3\xbc"
	     "cher.example",
		ADDRESS_UTF8, ADDRESS_OK},
	    {"\"\xc3\xbc b\"@c", ADDRESS_UTF8, ADDRESS_OK},
	    {"\xe7\x94\xb2@\xe4\xbe\x8b.example", ADDRESS_UTF8, ADDRESS_OK},
	    {"a\xc3@b", ADDRESS_UTF8, ADDRESS_SYNTAX},
	    {"a\xc0\xaf@b", ADDRESS_UTF8, ADDRESS_SYNTAX},
	    {"a\xed\xa0\x80@b", ADDRESS_UTF8, ADDRESS_SYNTAX},
	    {"a\xe2\x80\xae"
	     "b@c",
		ADDRESS_UTF8, ADDRESS_SYNTAX},
	    {"a\xc0\x80@b", ADDRESS_UTF8, ADDRESS_SYNTAX},
	    {"a\xc2\x85@b", ADDRESS_UTF8, ADDRESS_SYNTAX},
	    {"a\xc2\xa0"
	     "b@c",
		ADDRESS_UTF8, ADDRESS_SYNTAX},
	    {"a\xe2\x80\xa8@b", ADDRESS_UTF8, ADDRESS_SYNTAX},
	    {"\"a\\\xc3\xbc\"@b", ADDRESS_UTF8, ADDRESS_SYNTAX},
	    {"a@b\xc3", ADDRESS_UTF8, ADDRESS_BAD_DOMAIN},
	    {"a@b\xe2\x80\xae"
	     "c",
		ADDRESS_UTF8, ADDRESS_BAD_DOMAIN},
	    {"a@\xef\xbc\x8f.example", ADDRESS_UTF8, ADDRESS_BAD_DOMAIN},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address a;

		cr_assert_eq(
		    address_parse(slice_of(cases[i].text), 0, &a), cases[i].plain, "%zu", i);
		cr_assert_eq(address_parse(slice_of(cases[i].text), ADDRESS_ALLOW_UTF8, &a),
		    cases[i].utf8, "%zu", i);
	}
}

Test(address, a_nul_ends_nothing)
{
	struct address a;
	struct slice path = SLICE("<good>\0@x>");

	cr_assert_eq(address_parse(SLICE("a\0b@c"), 0, &a), ADDRESS_SYNTAX);
	cr_assert_eq(address_parse(SLICE("a@b\0c"), 0, &a), ADDRESS_SYNTAX);
	cr_assert_eq(address_parse(SLICE("\"a\0b\"@c"), 0, &a), ADDRESS_SYNTAX);
	cr_assert_eq(address_parse(SLICE("a@[192.0.2.7\0]"), 0, &a), ADDRESS_BAD_DOMAIN);
	cr_assert_neq(address_path_parse(&path, 0, &a), ADDRESS_OK);
}

Test(address, limits_are_reached_and_not_passed)
{
	static const struct {
		size_t local, labels, want_ok;
	} cases[] = {{LIMIT_LOCAL_PART, 1, true}, {LIMIT_LOCAL_PART + 1, 1, false}, {256, 1, false},
	    {900, 1, false}};
	struct address a;
	struct buf text;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text = repeated("", 'a', cases[i].local, "@b");
		cr_assert_eq(address_parse(buf_slice(&text), 0, &a),
		    cases[i].want_ok ? ADDRESS_OK : ADDRESS_TOO_LONG);
		buf_fini(&text);
	}
	text = repeated("a@", 'b', 63, ".example");
	cr_assert_eq(address_parse(buf_slice(&text), 0, &a), ADDRESS_OK);
	buf_fini(&text);
	text = repeated("a@", 'b', 64, ".example");
	cr_assert_eq(address_parse(buf_slice(&text), 0, &a), ADDRESS_BAD_DOMAIN);
	buf_fini(&text);
	for (size_t n = 126; n <= 128; n++) {
		text = repeated("a@b", '.', 0, "");
		for (size_t i = 0; i < n; i++)
			buf_add_text(&text, ".b");
		cr_assert_eq(address_parse(buf_slice(&text), 0, &a),
		    n <= 127 ? ADDRESS_OK : ADDRESS_TOO_LONG, "%zu", n);
		buf_fini(&text);
	}
	text = repeated("a@[IPv6:", ':', 200, "]");
	cr_assert_eq(address_parse(buf_slice(&text), 0, &a), ADDRESS_BAD_DOMAIN);
	buf_fini(&text);
}

Test(address, paths)
{
	enum { NOTHING = 0, NUL = ADDRESS_ALLOW_NULL, PM = ADDRESS_ALLOW_POSTMASTER };
	static const struct {
		const char *text;
		unsigned allow;
		enum address_result want;
		const char *formatted, *rest;
	} cases[] = {
	    {"<a@b>", NOTHING, ADDRESS_OK, "a@b", ""},
	    {"<a@b> SIZE=1", NOTHING, ADDRESS_OK, "a@b", " SIZE=1"},
	    {"<good>,<far>", PM, ADDRESS_SYNTAX, NULL, "<good>,<far>"},
	    {"<>", NUL, ADDRESS_OK, "", ""},
	    {"<>", PM, ADDRESS_SYNTAX, NULL, "<>"},
	    {"< >", NUL, ADDRESS_SYNTAX, NULL, "< >"},
	    {"<postmaster>", PM, ADDRESS_OK, "postmaster", ""},
	    {"<PostMaster>", PM, ADDRESS_OK, "PostMaster", ""},
	    {"<postmaster>", NUL, ADDRESS_SYNTAX, NULL, "<postmaster>"},
	    {"<\"postmaster\">", PM, ADDRESS_SYNTAX, NULL, "<\"postmaster\">"},
	    {"<far>", PM, ADDRESS_SYNTAX, NULL, "<far>"},
	    {"<\"far\">", PM, ADDRESS_SYNTAX, NULL, "<\"far\">"},
	    {"<h!u>", PM, ADDRESS_SYNTAX, NULL, "<h!u>"},
	    {"<u%h>", PM, ADDRESS_SYNTAX, NULL, "<u%h>"},
	    {"<@a.example,@b.example:c@d>", NOTHING, ADDRESS_OK, "c@d", ""},
	    {"<@ours:u@far>", NOTHING, ADDRESS_OK, "u@far", ""},
	    {"<@ours:far>", NOTHING, ADDRESS_SYNTAX, NULL, "<@ours:far>"},
	    {"<@a,@ours:far>", NOTHING, ADDRESS_SYNTAX, NULL, "<@a,@ours:far>"},
	    {"<@a,b:c@d>", NOTHING, ADDRESS_SYNTAX, NULL, "<@a,b:c@d>"},
	    {"<@a:>", NOTHING, ADDRESS_SYNTAX, NULL, "<@a:>"},
	    {"<@a c@d>", NOTHING, ADDRESS_BAD_DOMAIN, NULL, "<@a c@d>"},
	    {"<@:c@d>", NOTHING, ADDRESS_BAD_DOMAIN, NULL, "<@:c@d>"},
	    {"<@a:@b:c@d>", NOTHING, ADDRESS_SYNTAX, NULL, "<@a:@b:c@d>"},
	    {"<a@b", NOTHING, ADDRESS_SYNTAX, NULL, "<a@b"},
	    {"<<a@b>>", NOTHING, ADDRESS_SYNTAX, NULL, "<<a@b>>"},
	    {"a@b>", NOTHING, ADDRESS_SYNTAX, NULL, "a@b>"},
	    {"a@b", NOTHING, ADDRESS_SYNTAX, NULL, "a@b"},
	    {"<a@ours@h>", NOTHING, ADDRESS_BAD_DOMAIN, NULL, "<a@ours@h>"},
	    {"<a@[127.0.0.1>", NOTHING, ADDRESS_BAD_DOMAIN, NULL, "<a@[127.0.0.1>"},
	    {"<;touch${IFS}/tmp/M;>", NUL, ADDRESS_SYNTAX, NULL, "<;touch${IFS}/tmp/M;>"},
	    {"", NUL, ADDRESS_SYNTAX, NULL, ""},
	    {"<", NUL, ADDRESS_SYNTAX, NULL, "<"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf out = {0};
		struct slice rest = slice_of(cases[i].text);
		struct address a;
		enum address_result got = address_path_parse(&rest, cases[i].allow, &a);

		cr_assert_eq(got, cases[i].want, "%s: %s", cases[i].text, address_result_name(got));
		cr_slice_eq(rest, cases[i].rest);
		if (got == ADDRESS_OK) {
			address_format(&out, &a);
			cr_slice_eq(buf_slice(&out), cases[i].formatted);
			cr_assert_eq(address_is_null(&a), cases[i].formatted[0] == '\0');
		}
		buf_fini(&out);
	}
}

static bool
equal(const char *x, const char *y)
{
	struct address a, b;

	cr_assert_eq(address_parse(slice_of(x), ADDRESS_ALLOW_UTF8, &a), ADDRESS_OK);
	cr_assert_eq(address_parse(slice_of(y), ADDRESS_ALLOW_UTF8, &b), ADDRESS_OK);
	return address_equal(&a, &b);
}

Test(address, equality_is_of_meaning)
{
	cr_assert(equal("alice@example.test", "ALICE@Example.Test"));
	cr_assert(equal("\"al\\ice\"@b", "alice@b"));
	cr_assert(equal("a@b\xc3\xbc"
			"cher.example",
	    "a@xn--bcher-kva.EXAMPLE"));
	cr_assert(equal("a@B\xc3\x9c"
			"CHER.example",
	    "a@b\xc3\xbc"
	    "cher.example"));
	cr_assert_not(equal("alice@b", "alicf@b"));
	cr_assert_not(equal("alice@b", "alice@bb"));
	cr_assert_not(equal("\"a b\"@c", "ab@c"));
}

Test(address, meaning_of_a_local_part)
{
	struct address a;
	struct buf out = {0};

	cr_assert_eq(address_parse(SLICE("\"a\\\\b \\\"c\"@d"), 0, &a), ADDRESS_OK);
	address_local(&out, &a);
	cr_slice_eq(buf_slice(&out), "a\\b \"c");
	buf_clear(&out);
	address_domain_folded(&out, &(struct address){.domain = SLICE("[192.0.2.7]")});
	cr_slice_eq(buf_slice(&out), "[192.0.2.7]");
	buf_fini(&out);
}

Test(address, details)
{
	struct slice base, detail;

	cr_assert(address_split_detail(SLICE("alice+lists+x"), '+', &base, &detail));
	cr_slice_eq(base, "alice");
	cr_slice_eq(detail, "lists+x");
	cr_assert(address_split_detail(SLICE("alice+"), '+', &base, &detail));
	cr_slice_eq(base, "alice");
	cr_slice_eq(detail, "");
	cr_assert_not(address_split_detail(SLICE("alice"), '+', &base, &detail));
	cr_slice_eq(base, "alice");
	cr_assert_not(address_split_detail(SLICE("+x"), '+', &base, &detail));
	cr_assert_not(address_split_detail(SLICE(""), '+', &base, &detail));
	cr_assert_not(address_split_detail(SLICE("\"a+b\""), '+', &base, &detail));
}

Test(address, a_labels)
{
	struct buf out = {0};

	cr_assert(domain_to_ascii(&out, SLICE("B\xc3\xbc"
					      "cher.Example")));
	cr_slice_eq(buf_slice(&out), "xn--bcher-kva.example");
	cr_assert_not(domain_to_ascii(&out, SLICE("a..b")));
	cr_assert_not(domain_to_ascii(&out, SLICE("b\xc3\xbc"
						  "cher.123")));
	cr_assert_not(domain_to_ascii(&out, SLICE("a\0b\xc3\xbc")));
	cr_slice_eq(buf_slice(&out), "xn--bcher-kva.example");
	buf_fini(&out);
}

Test(address, names_that_the_caller_completes)
{
	static const struct {
		const char *text, *local, *rest; /* local NULL: no such path */
	} cases[] = {
	    {"<ann.b> X", "ann.b", " X"},
	    {"<a@b>", "a", ""},
	    {"<ann..b>", NULL, "<ann..b>"},
	    {"<ann", NULL, "<ann"},
	    {"<\"far\">", NULL, "<\"far\">"},
	    {"<>", NULL, "<>"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice rest = slice_of(cases[i].text);
		struct address a = {.domain = SLICE("")};
		bool ok = address_path_parse(&rest, ADDRESS_ALLOW_BARE, &a) == ADDRESS_OK;

		cr_assert_eq(ok, cases[i].local != NULL, "%s", cases[i].text);
		cr_slice_eq(rest, cases[i].rest);
		if (ok)
			cr_slice_eq(a.local, cases[i].local);
	}
}
