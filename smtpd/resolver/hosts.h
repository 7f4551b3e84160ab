/*
 * The hosts that take a domain's mail (RFC 5321 5.1), or a host's addresses: asked in parallel,
 * bounded, answered in the order to try.
 */
#ifndef SMTPD_RESOLVER_HOSTS_H
#define SMTPD_RESOLVER_HOSTS_H

#include "common/ipc/any_resolver.h"
#include "common/ipc/asker.h"

/* Answer ar_mx or ar_address with ar_host* and ar_done. */
void hosts_for_domain(struct ipc_asker asker, const struct ar_mx *q);
void hosts_for_name(struct ipc_asker asker, const struct ar_address *q);

#endif
