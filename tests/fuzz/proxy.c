/* The header that a load balancer says first: how long it is, and whom it speaks for. */
#include "tests/fuzz/fuzz.h"

#include "common/base/limits.h"

#include "common/net/proxy.h"

enum {
	FIXED = 16,
	PORT = 12345
}; /* octets of the part that tells the length; a port that is there before */

/* What is known of a header only ever grows, and never becomes another length. */
static void
check_need(struct slice in)
{
	size_t known = 0;

	for (size_t n = 0; n <= in.len && n <= LIMIT_PROXY; n++) {
		size_t need = proxy_need(slice_sub(in, 0, n));

		PROPERTY(need == 0 || (need >= FIXED && need <= LIMIT_PROXY));
		if (n > 0 && known != need)
			PROPERTY(known != 0 && (n == FIXED || need == 0) && n <= FIXED);
		known = need;
	}
}

static void
check_address(const struct netaddr *a)
{
	char text[NETADDR_TEXT];
	struct netaddr again;

	PROPERTY(a->family == AF_INET || a->family == AF_INET6);
	PROPERTY(netaddr_parse(slice_of(netaddr_format(a, text)), &again));
	PROPERTY(netaddr_equal(&again, a));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct netaddr before = {.family = AF_INET, .port = PORT, .octets = {127, 0, 0, 9}};
	struct netaddr client = before, server = before;
	struct slice in = fuzz_slice(data, size);
	size_t need = proxy_need(in);
	bool ok = proxy_parse(in, &client, &server);

	check_need(in);
	PROPERTY(!ok || need == size);
	check_address(&client);
	check_address(&server);
	PROPERTY(client.family == server.family);
	if (!ok || (data[12] & 0x0f) == 0)
		PROPERTY(memcmp(&client, &before, sizeof(before)) == 0 &&
			 memcmp(&server, &before, sizeof(before)) == 0);
	if (need > 0 && size > need && size >= FIXED)
		PROPERTY(!ok); /* what stands behind is the client's own */
	return 0;
}
