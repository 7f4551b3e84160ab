/*
 * Servers that offer STARTTLS and then fall silent in the handshake. Each message would wait there
 * for a minute; so for a while they are spoken to in clear, where clear is good enough.
 */
#ifndef DELIVER_RELAY_HANGING_H
#define DELIVER_RELAY_HANGING_H

#include "common/base/limits.h"
#include "common/base/moment.h"
#include "common/net/netaddr.h"

enum { HANGING_MINUTES = 10 };

/* LIMIT_HANGING servers are remembered; one more drives out the oldest. */
void relay_hanging_add(const struct netaddr *server, struct moment now);
bool relay_hanging_has(const struct netaddr *server, struct moment now);
void relay_hanging_forget(void);

#endif
