/*
 * TLS clients: two made before the walls go up, for those read the system's certificates, and one
 * for each set of authorities, ciphers and protocols that an action names, made at its first use
 * and kept until the configuration changes. Connections keep what they use.
 */
#ifndef DELIVER_RELAY_TLS_CLIENTS_H
#define DELIVER_RELAY_TLS_CLIENTS_H

#include "common/conf/conf.h"
#include "common/net/tls.h"

/* Once, before the walls. */
bool relay_tls_init(struct error *why);

/* That of an action; of none (NULL), one with the system's authorities. NULL when what the action
 * names cannot be used; the log says why. */
struct tls_client *relay_tls_client(const struct conf_action *a, bool is_verified);

/* Those of actions go, before the configuration that they were made by. */
void relay_tls_forget(void);

#endif
