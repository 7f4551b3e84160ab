#include "smtpd/parent/config/interface.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef SIOCGIFGMEMB
#include "common/base/mem.h"

/* A group of BSD: the kernel names its members, once for their count and once for the names. */
static bool
is_member(const char *group, const char *interface)
{
	struct ifgroupreq r = {0};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	bool found = false;

	if (fd < 0 || strlen(group) >= sizeof(r.ifgr_name))
		return false;
	memcpy(r.ifgr_name, group, strlen(group));
	if (ioctl(fd, SIOCGIFGMEMB, &r) == 0 && r.ifgr_len > 0) {
		size_t size = r.ifgr_len;

		r.ifgr_groups = mem_zero(size);
		if (ioctl(fd, SIOCGIFGMEMB, &r) == 0) {
			for (size_t i = 0; i < size / sizeof(r.ifgr_groups[0]); i++)
				found |= strcmp(r.ifgr_groups[i].ifgrq_member, interface) == 0;
		}
		free(r.ifgr_groups);
	}
	close(fd);
	return found;
}
#else
/* Whether a line of the kernel's table is the default route of the interface: all zeros. */
static bool
is_default_route(const char *line, bool is_inet6, const char *interface)
{
	char name[33], destination[33], mask[33];
	int n = is_inet6
		    ? sscanf(line, "%32s %32s %*s %*s %*s %*s %*s %*s %*s %32s", destination, mask,
			  name)
		    : sscanf(line, "%32s %32s %*s %*s %*s %*s %*s %32s", name, destination, mask);

	return n == 3 && strcmp(name, interface) == 0 &&
	       strspn(destination, "0") == strlen(destination) && strspn(mask, "0") == strlen(mask);
}

static bool
has_default_route(const char *table, bool is_inet6, const char *interface)
{
	FILE *f = fopen(table, "re");
	char line[256];
	bool found = false;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = is_default_route(line, is_inet6, interface);
	if (f != NULL)
		fclose(f);
	return found;
}

static bool
is_member(const char *group, const char *interface)
{
	return strcmp(group, "egress") == 0 && strcmp(interface, "lo") != 0 &&
	       (has_default_route("/proc/net/route", false, interface) ||
		   has_default_route("/proc/net/ipv6_route", true, interface));
}
#endif

bool
interface_each(const char *name, bool (*use)(void *owner, const struct netaddr *a), void *owner)
{
	struct ifaddrs *list, *i;
	struct netaddr a;
	bool any = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (i = list; i != NULL; i = i->ifa_next) {
		if (i->ifa_addr == NULL ||
		    (strcmp(i->ifa_name, name) != 0 && !is_member(name, i->ifa_name)))
			continue;
		if (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6)
			continue;
		any |= netaddr_from_sockaddr(&a, i->ifa_addr) && use(owner, &a);
	}
	freeifaddrs(list);
	return any;
}
