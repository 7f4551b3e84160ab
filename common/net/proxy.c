#include "common/net/proxy.h"

#include "common/base/limits.h"
#include "common/base/pack.h"

#include <string.h>

enum {
	FIXED = 16, /* signature, command, family, length */
	LENGTH_AT = 14,
	INET_OCTETS = 12, /* two addresses, two ports */
	INET6_OCTETS = 36,
};

size_t
proxy_need(struct slice so_far)
{
	static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";
	size_t known = so_far.len < sizeof(signature) ? so_far.len : sizeof(signature), need;

	if (known > 0 && memcmp(so_far.data, signature, known) != 0)
		return 0;
	if (so_far.len < FIXED)
		return FIXED;
	need = FIXED + (size_t)unpack_at(so_far.data + LENGTH_AT, 2);
	return (so_far.data[12] & 0xf0) == 0x20 && need <= LIMIT_PROXY ? need : 0;
}

static void
read_addresses(struct slice at, int family, struct netaddr *client, struct netaddr *server)
{
	size_t size = family == AF_INET ? 4 : 16;

	const char *ports = at.data + 2 * size;

	*client = (struct netaddr){.family = family, .port = (uint16_t)unpack_at(ports, 2)};
	*server = (struct netaddr){.family = family, .port = (uint16_t)unpack_at(ports + 2, 2)};
	memcpy(client->octets, at.data, size);
	memcpy(server->octets, at.data + size, size);
}

bool
proxy_parse(struct slice header, struct netaddr *client, struct netaddr *server)
{
	unsigned command, family;

	if (header.len < FIXED || proxy_need(header) != header.len)
		return false;
	command = (unsigned char)header.data[12] & 0x0f;
	family = (unsigned char)header.data[13] >> 4;
	if (command == 0) /* LOCAL: the proxy itself, to see whether we live */
		return true;
	if (command != 1)
		return false;
	header = slice_from(header, FIXED);
	if (family == 1 && header.len >= INET_OCTETS)
		read_addresses(header, AF_INET, client, server);
	else if (family == 2 && header.len >= INET6_OCTETS)
		read_addresses(header, AF_INET6, client, server);
	else
		return family == 0 || family == 3;
	return true;
}
