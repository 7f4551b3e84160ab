/*
 * What the whole process shares: the lines to its neighbours and the TLS clients, made before
 * the process lost sight of the certificates' files.
 */
#ifndef DELIVER_RELAY_SERVER_H
#define DELIVER_RELAY_SERVER_H

#include "common/conf/child.h"
#include "common/net/tls.h"

struct relay_server {
	struct channel *queue, *lookup, *resolver;
	struct tls_client *verifying, *opportunistic;
};

extern struct relay_server relay_server;

/* The client for a route: with the action's own CA if it names one. */
struct tls_client *relay_tls_client(const struct conf_action *a, bool is_verified);

#endif
