/*
 * The hosts that take a domain's mail (RFC 5321 5.1), or a host's addresses: asked in parallel,
 * bounded, answered in the order to try.
 */
#ifndef SMTPD_RESOLVER_HOSTS_H
#define SMTPD_RESOLVER_HOSTS_H

#include "common/ipc/channel.h"

/* Answer ar_mx or ar_address on the message's channel with ar_host* and ar_done. */
void hosts_for_domain(struct ipc_message *m);
void hosts_for_name(struct ipc_message *m);

/* That channel is gone: answers still to come go nowhere. */
void hosts_forget(struct channel *c);

#endif
