/*
 * The TLS of a listen line: its certificates from the configuration, its signatures from
 * keyholder. What listener, imapd and pop3d share.
 */
#ifndef COMMON_CONF_TLS_CONF_H
#define COMMON_CONF_TLS_CONF_H

#include "common/conf/conf.h"
#include "common/net/tls.h"

/*
 * Gives a server for that line; *keyholder is looked at for each handshake, so the line to it may
 * be replaced meanwhile. protocol names the session context, and what ALPN must say if it says
 * anything. NULL, and a sentence, when a certificate cannot be used.
 */
struct tls_server *tls_server_from_conf(const struct conf *c, const struct conf_listen *l,
    const char *protocol, struct channel **keyholder, struct error *why);

#endif
