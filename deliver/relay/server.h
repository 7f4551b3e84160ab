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

/* client.c: the client of an action, with its own authorities, ciphers and protocols if it names
 * some. NULL when those cannot be used; the log says why. */
struct tls_client *relay_tls_client(const struct conf_action *a, bool is_verified);

/* Before the configuration that they were made by goes. */
void relay_tls_forget(void);

#endif
