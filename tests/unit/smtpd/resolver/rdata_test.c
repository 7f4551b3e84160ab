#include "tests/unit/unit.h"

#include "smtpd/resolver/rdata.h"

UNIT_SUITE(rdata);

Test(rdata, names)
{
	static const struct {
		struct slice wire;
		bool ok;
		const char *name;
	} cases[] = {
	    {{"\4Mail\7example\4test\0", 19}, true, "mail.example.test"},
	    {{"\0", 1}, true, ""},
	    {{"", 0}, false, ""},
	    {{"\4mail", 5}, false, ""},   /* no end */
	    {{"\5mail\0", 6}, false, ""}, /* a label that reaches outside */
	    {{"\300\14", 2}, false, ""},  /* a compression pointer */
	    {{"\4ma\0l\0", 6}, false, ""},
	    {{"\4ma.l\0", 6}, false, ""},
	    {{"\4ma\r\n\0", 6}, false, ""},
	    {{"\3_mx\1x\0", 7}, true, "_mx.x"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char name[LIMIT_DOMAIN + 1];

		cr_assert_eq(rdata_name(cases[i].wire, name), cases[i].ok, "case %zu", i);
		if (cases[i].ok)
			cr_assert_str_eq(name, cases[i].name);
	}
}

Test(rdata, a_name_has_a_limit)
{
	char wire[300];
	char name[LIMIT_DOMAIN + 1];

	for (size_t i = 0; i < sizeof(wire); i += 2)
		memcpy(wire + i, "\1a", 2);
	wire[298] = '\0';
	cr_assert_not(rdata_name(slice_make(wire, sizeof(wire)), name));
}

Test(rdata, mx_and_reverse)
{
	uint16_t preference;
	char name[LIMIT_DOMAIN + 1];

	cr_assert(rdata_mx((struct slice){"\1\2\1a\1b\0", 7}, &preference, name));
	cr_assert_eq(preference, 258);
	cr_assert_str_eq(name, "a.b");
	cr_assert_not(rdata_mx((struct slice){"\1\2", 2}, &preference, name));
	cr_assert(rdata_reverse((struct slice){"\300\0\2\1", 4}, name));
	cr_assert_str_eq(name, "1.2.0.192.in-addr.arpa");
	cr_assert(rdata_reverse((struct slice){"\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16}, name));
	cr_assert_str_eq(
	    name, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
	cr_assert_not(rdata_reverse((struct slice){"abc", 3}, name));
}
