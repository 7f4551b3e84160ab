/*
 * The PROXY protocol, version 2: what a load balancer says first on a connection about the client
 * it speaks for. Pure: octets in, addresses out. (haproxy's proxy-protocol.txt, section 2.2.)
 */
#ifndef COMMON_NET_PROXY_H
#define COMMON_NET_PROXY_H

#include "common/net/netaddr.h"

/*
 * How many octets the header has, as far as the octets so far tell: at least 16, and all of it
 * once those are there. 0: no such header, or one over LIMIT_PROXY.
 */
size_t proxy_need(struct slice so_far);

/*
 * Reads a whole header. The addresses are left alone when the proxy speaks for itself (LOCAL) or
 * names no address of the Internet. False: its parts do not fit.
 */
bool proxy_parse(struct slice header, struct netaddr *client, struct netaddr *server);

#endif
