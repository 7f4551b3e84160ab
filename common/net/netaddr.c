#include "common/net/netaddr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

bool
netaddr_from_sockaddr(struct netaddr *a, const struct sockaddr *sa)
{
	*a = (struct netaddr){.family = sa->sa_family};
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		a->port = ntohs(in.sin_port);
		memcpy(a->octets, &in.sin_addr, 4);
		return true;
	}
	if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		a->port = ntohs(in6.sin6_port);
		a->scope = in6.sin6_scope_id;
		memcpy(a->octets, &in6.sin6_addr, 16);
		if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
			a->family = AF_INET;
			memmove(a->octets, a->octets + 12, 4);
			memset(a->octets + 4, 0, 12);
		}
		return true;
	}
	return sa->sa_family == AF_UNIX;
}

socklen_t
netaddr_to_sockaddr(const struct netaddr *a, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof(*ss));
	if (a->family == AF_INET) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(a->port)};

		memcpy(&in.sin_addr, a->octets, 4);
		memcpy(ss, &in, sizeof(in));
		return sizeof(in);
	}
	struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_scope_id = a->scope};
	memcpy(&in6.sin6_addr, a->octets, 16);
	memcpy(ss, &in6, sizeof(in6));
	return sizeof(in6);
}

bool
netaddr_parse(struct slice text, struct netaddr *a)
{
	char copy[NETADDR_TEXT];

	*a = (struct netaddr){.family = AF_INET};
	if (text.len > 2 && text.data[0] == '[' && text.data[text.len - 1] == ']')
		text = slice_sub(text, 1, text.len - 2);
	if (!slice_copy(text, copy, sizeof(copy)))
		return false;
	if (inet_pton(AF_INET, copy, a->octets) == 1)
		return true;
	a->family = AF_INET6;
	return inet_pton(AF_INET6, copy, a->octets) == 1;
}

const char *
netaddr_format(const struct netaddr *a, char out[NETADDR_TEXT])
{
	if (a->family != AF_INET && a->family != AF_INET6)
		snprintf(out, NETADDR_TEXT, "local");
	else if (inet_ntop(a->family, a->octets, out, NETADDR_TEXT) == NULL)
		snprintf(out, NETADDR_TEXT, "unknown");
	return out;
}

bool
netaddr_parse_scoped(struct slice text, struct netaddr *a)
{
	ptrdiff_t sign = slice_find(text, '%');
	char interface[IF_NAMESIZE];

	if (sign < 0)
		return netaddr_parse(text, a);
	if (!netaddr_parse(slice_sub(text, 0, (size_t)sign), a) || a->family != AF_INET6 ||
	    !slice_copy(slice_from(text, (size_t)sign + 1), interface, sizeof(interface)))
		return false;
	a->scope = if_nametoindex(interface);
	return a->scope != 0;
}

const char *
netaddr_format_scoped(const struct netaddr *a, char out[NETADDR_TEXT])
{
	char interface[IF_NAMESIZE], bare[INET6_ADDRSTRLEN];

	netaddr_format(a, out);
	if (a->family != AF_INET6 || a->scope == 0 || if_indextoname(a->scope, interface) == NULL)
		return out;
	inet_ntop(AF_INET6, a->octets, bare, sizeof(bare));
	snprintf(out, NETADDR_TEXT, "%.46s%%%.15s", bare, interface);
	return out;
}

const char *
netaddr_literal(const struct netaddr *a, char out[NETADDR_TEXT])
{
	char bare[NETADDR_TEXT];

	netaddr_format(a, bare);
	snprintf(out, NETADDR_TEXT, a->family == AF_INET6 ? "[IPv6:%.50s]" : "[%.50s]", bare);
	return out;
}

bool
netaddr_is_loopback(const struct netaddr *a)
{
	static const unsigned char one[16] = {[15] = 1};

	if (a->family == AF_INET)
		return a->octets[0] == 127;
	if (a->family == AF_INET6)
		return memcmp(a->octets, one, sizeof(one)) == 0;
	return a->family == AF_UNIX;
}

bool
netaddr_in_prefix(const struct netaddr *a, struct slice prefix)
{
	ptrdiff_t slash = slice_find(prefix, '/');
	struct netaddr net;
	uint64_t bits, width;

	if (!netaddr_parse(slash < 0 ? prefix : slice_sub(prefix, 0, (size_t)slash), &net) ||
	    net.family != a->family)
		return false;
	width = net.family == AF_INET ? 32 : 128;
	bits = width;
	if (slash >= 0 && !slice_number(slice_from(prefix, (size_t)slash + 1), width, &bits))
		return false;
	if (memcmp(a->octets, net.octets, bits / 8) != 0)
		return false;
	if (bits % 8 == 0)
		return true;
	return ((a->octets[bits / 8] ^ net.octets[bits / 8]) >> (8 - bits % 8)) == 0;
}

bool
netaddr_equal(const struct netaddr *a, const struct netaddr *b)
{
	return a->family == b->family && memcmp(a->octets, b->octets, sizeof(a->octets)) == 0;
}

struct slice
netaddr_group(const struct netaddr *a)
{
	return slice_make((const char *)a->octets, a->family == AF_INET6 ? 8 : 4);
}
