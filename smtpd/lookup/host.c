#include "smtpd/lookup/host.h"

#include "common/base/buf.h"
#include "common/base/mem.h"

#include <ifaddrs.h>

enum { ADDRESSES = 1024 };

static struct netaddr own[ADDRESSES];
static size_t interface_count, own_count; /* those of the interfaces come first */
static char *name;

static void
add(const struct netaddr *a)
{
	for (size_t i = 0; i < own_count; i++)
		if (netaddr_equal(&own[i], a))
			return;
	if (own_count < ADDRESSES)
		own[own_count++] = *a;
}

bool
host_init(struct error *why)
{
	struct ifaddrs *list;
	struct netaddr a;

	if (getifaddrs(&list) < 0)
		return error_errno(why, "cannot read the addresses of this machine");
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next)
		if (i->ifa_addr != NULL && netaddr_from_sockaddr(&a, i->ifa_addr))
			add(&a);
	freeifaddrs(list);
	interface_count = own_count;
	return true;
}

static bool
is_any(const struct netaddr *a)
{
	for (size_t i = 0; i < sizeof(a->octets); i++)
		if (a->octets[i] != 0)
			return false;
	return true;
}

void
host_apply(const struct conf *c)
{
	struct netaddr a;

	own_count = interface_count;
	for (size_t i = 0; i < c->listen_count; i++)
		if (netaddr_parse(c->listens[i].address, &a) && !is_any(&a))
			add(&a);
	free(name);
	name = slice_text_lower(c->global.hostname);
}

void
host_free(void)
{
	free(name);
	name = NULL;
	own_count = interface_count = 0;
}

bool
host_is_own_address(const struct netaddr *a)
{
	if (netaddr_is_loopback(a))
		return true;
	for (size_t i = 0; i < own_count; i++)
		if (netaddr_equal(&own[i], a))
			return true;
	return false;
}

/* [192.0.2.1] or [IPv6:2001:db8::1] */
static bool
literal_address(struct slice domain, struct netaddr *a)
{
	if (domain.len < 3 || domain.data[0] != '[' || domain.data[domain.len - 1] != ']')
		return false;
	domain = slice_sub(domain, 1, domain.len - 2);
	if (slice_has_prefix_nocase(domain, SLICE("IPv6:")))
		domain = slice_from(domain, 5);
	return netaddr_parse(domain, a);
}

bool
host_is_own_domain(struct slice domain)
{
	struct netaddr a;

	if (slice_equal_text_nocase(domain, "localhost") || slice_equal_text_nocase(domain, name))
		return true;
	return literal_address(domain, &a) && host_is_own_address(&a);
}

struct slice
host_name(void)
{
	return slice_of(name);
}
