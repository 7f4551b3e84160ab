#include "tests/unit/unit.h"

#include "common/net/netaddr.h"

#include <net/if.h>
#include <string.h>

UNIT_SUITE(netaddr);

Test(netaddr, prefixes)
{
	static const struct {
		const char *address, *prefix;
		bool in;
	} cases[] = {
	    {"192.0.2.7", "192.0.2.0/24", true},
	    {"192.0.3.7", "192.0.2.0/24", false},
	    {"192.0.2.7", "192.0.2.7", true},
	    {"192.0.2.127", "192.0.2.0/25", true},
	    {"192.0.2.128", "192.0.2.0/25", false},
	    {"1.2.3.4", "0.0.0.0/0", true},
	    {"2001:db8::1", "2001:db8::/32", true},
	    {"2001:db9::1", "2001:db8::/32", false},
	    {"::1", "[::1]", true},
	    {"127.0.0.1", "::1", false},
	    {"1.2.3.4", "1.2.3.4/33", false},
	    {"1.2.3.4", "1.2.3.4/", false},
	    {"1.2.3.4", "nonsense", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct netaddr a;

		cr_assert(netaddr_parse(slice_of(cases[i].address), &a));
		cr_assert_eq(netaddr_in_prefix(&a, slice_of(cases[i].prefix)), cases[i].in, "%s %s",
		    cases[i].address, cases[i].prefix);
	}
}

Test(netaddr, literals_and_groups)
{
	struct netaddr a;
	char text[NETADDR_TEXT];

	cr_assert(netaddr_parse(SLICE("2001:db8::1"), &a));
	cr_assert_str_eq(netaddr_literal(&a, text), "[IPv6:2001:db8::1]");
	cr_assert_eq(netaddr_group(&a).len, 8);
	cr_assert(netaddr_parse(SLICE("127.9.9.9"), &a));
	cr_assert_str_eq(netaddr_literal(&a, text), "[127.9.9.9]");
	cr_assert(netaddr_is_loopback(&a));
	cr_assert_not(netaddr_parse(SLICE("127.1"), &a));
	cr_assert_not(netaddr_parse(SLICE(""), &a));
}

Test(netaddr, a_link_local_address_has_its_interface)
{
	struct netaddr a;
	char text[NETADDR_TEXT];
	uint32_t lo;

	cr_assert(netaddr_parse_scoped(SLICE("127.0.0.1"), &a));
	cr_assert_str_eq(netaddr_format_scoped(&a, text), "127.0.0.1");
	cr_assert(netaddr_parse_scoped(SLICE("2001:db8::1"), &a));
	cr_assert_eq(a.scope, 0);
	cr_assert_not(netaddr_parse_scoped(SLICE("fe80::1%"), &a));
	cr_assert_not(netaddr_parse_scoped(SLICE("fe80::1%no-such-interface-here"), &a));
	cr_assert_not(netaddr_parse_scoped(SLICE("fe80::1%nosuch"), &a));
	cr_assert_not(netaddr_parse_scoped(SLICE("127.0.0.1%lo"), &a));
	lo = if_nametoindex("lo") != 0 ? if_nametoindex("lo") : if_nametoindex("lo0");
	cr_assert(lo != 0);
	cr_assert(netaddr_parse(SLICE("fe80::1"), &a));
	a.scope = lo;
	netaddr_format_scoped(&a, text);
	cr_assert_eq(strncmp(text, "fe80::1%lo", 10), 0, "%s", text);
	cr_assert(netaddr_parse_scoped(slice_of(text), &a));
	cr_assert_eq(a.scope, lo);
}
