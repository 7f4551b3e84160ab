/*
 * What this machine is: its addresses and the names that mean itself. For "from local" and "for
 * local".
 */
#ifndef SMTPD_LOOKUP_HOST_H
#define SMTPD_LOOKUP_HOST_H

#include "common/conf/conf.h"
#include "common/net/netaddr.h"

/* Reads the addresses of the interfaces; before the sandbox, which forbids it. */
bool host_init(struct error *why);

/* Takes the host name, and the addresses that listen lines name. */
void host_apply(const struct conf *c);

void host_free(void);

/* Loopback, a Unix socket, or an address of ours. */
bool host_is_own_address(const struct netaddr *a);

/* "localhost", the host name, or an address literal of ours. Case does not matter. */
bool host_is_own_domain(struct slice domain);

/* The host name, in lower case. */
struct slice host_name(void);

#endif
