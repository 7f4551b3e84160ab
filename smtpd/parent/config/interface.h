/* The addresses of this machine's interfaces, by name or by group ("egress"). */
#ifndef SMTPD_PARENT_CONFIG_INTERFACE_H
#define SMTPD_PARENT_CONFIG_INTERFACE_H

#include "common/net/netaddr.h"

#include <stdbool.h>

/*
 * Calls use for each IPv4 and IPv6 address of the interface or group, and tells whether it took
 * one. On Linux, which has no groups, "egress" is every interface with a default route.
 */
bool interface_each(
    const char *name, bool (*use)(void *owner, const struct netaddr *a), void *owner);

#endif
