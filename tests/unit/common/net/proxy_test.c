#include "tests/unit/unit.h"

#include "common/net/proxy.h"

#include <string.h>

UNIT_SUITE(proxy);

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V4 SIGNATURE "\x21\x11\0\x0c\xc0\0\x02\x07\x0a\0\0\x01\x30\x39\0\x19"
#define HEADER(text) \
	{ \
		text, sizeof(text) - 1 \
	}

static struct netaddr client, server;

static const char *
parse(struct slice header)
{
	static char text[NETADDR_TEXT];

	netaddr_parse(SLICE("127.0.0.9"), &client);
	return proxy_parse(header, &client, &server) ? netaddr_format(&client, text) : "refused";
}

Test(proxy, gives_the_addresses_of_the_client)
{
	static const struct {
		struct slice header;
		const char *client;
	} cases[] = {
	    {HEADER(V4), "192.0.2.7"},
	    {HEADER(SIGNATURE "\x21\x21\0\x24\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x05"
			      "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x06\x30\x39\0\x19"),
		"2001:db8::5"},
	    {HEADER(SIGNATURE "\x21\x11\0\x0f\xc0\0\x02\x07\x0a\0\0\x01\x30\x39\0\x19\x04\0\0"),
		"192.0.2.7"},                              /* something of its own behind */
	    {HEADER(SIGNATURE "\x20\0\0\0"), "127.0.0.9"}, /* LOCAL */
	    {HEADER(SIGNATURE "\x21\0\0\0"), "127.0.0.9"}, /* no address known */
	    {HEADER(SIGNATURE "\x21\x11\0\x0b\xc0\0\x02\x07\x0a\0\0\x01\x30\x39\0"), "refused"},
	    {HEADER(SIGNATURE "\x22\x11\0\x0c\xc0\0\x02\x07\x0a\0\0\x01\x30\x39\0\x19"), "refused"},
	    {HEADER(SIGNATURE "\x21\x41\0\0"), "refused"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_str_eq(parse(cases[i].header), cases[i].client, "case %zu", i);
	parse(cases[0].header);
	cr_assert_eq(client.port, 12345);
	cr_assert_eq(server.port, 25);
}

Test(proxy, says_how_much_it_needs)
{
	struct slice whole = HEADER(V4);

	for (size_t n = 0; n < 16; n++)
		cr_assert_eq(proxy_need(slice_sub(whole, 0, n)), 16);
	cr_assert_eq(proxy_need((struct slice){0}), 16);
	cr_assert_eq(proxy_need(slice_sub(whole, 0, 16)), 28);
	cr_assert_eq(proxy_need(SLICE("EHLO x\r\n")), 0);
	cr_assert_eq(
	    proxy_need((struct slice)HEADER(SIGNATURE "\x11\x11\0\x0c")), 0, "another version");
	cr_assert_eq(proxy_need((struct slice)HEADER(SIGNATURE "\x21\x11\x04\0")), 0, "too much");
	cr_assert_str_eq(parse(slice_sub(whole, 0, 27)), "refused");
}
