/*
 * Addresses of the Internet and of Unix sockets, and prefixes of them.
 */
#ifndef COMMON_NET_NETADDR_H
#define COMMON_NET_NETADDR_H

#include "common/base/slice.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum { NETADDR_TEXT = 64 };

struct netaddr {
	int family; /* AF_INET, AF_INET6, or AF_UNIX for a local peer */
	uint16_t port;
	unsigned char octets[16]; /* 4 or 16 are used; of a local peer, who it is */
	uint32_t scope;           /* of an IPv6 link-local address */
};

/* Of a socket address; false for a family that is not known. */
bool netaddr_from_sockaddr(struct netaddr *a, const struct sockaddr *sa);
socklen_t netaddr_to_sockaddr(const struct netaddr *a, struct sockaddr_storage *ss);

/* "192.0.2.1", "2001:db8::1" or "[2001:db8::1]", without a port. */
bool netaddr_parse(struct slice text, struct netaddr *a);

/* Writes the address without its port; returns out. */
const char *netaddr_format(const struct netaddr *a, char out[NETADDR_TEXT]);

/* The same, where a link-local address has its interface behind it: fe80::1%eth0. */
bool netaddr_parse_scoped(struct slice text, struct netaddr *a);
const char *netaddr_format_scoped(const struct netaddr *a, char out[NETADDR_TEXT]);

/* As RFC 5321 4.1.3 writes it: [192.0.2.1] or [IPv6:2001:db8::1]. */
const char *netaddr_literal(const struct netaddr *a, char out[NETADDR_TEXT]);

/* 127.0.0.0/8, ::1 or a Unix socket. */
bool netaddr_is_loopback(const struct netaddr *a);

/* "192.0.2.0/24" or a bare address; whether a lies in it. A malformed prefix holds nothing. */
bool netaddr_in_prefix(const struct netaddr *a, struct slice prefix);

/* Same address, ports apart. */
bool netaddr_equal(const struct netaddr *a, const struct netaddr *b);

/* What limits count by: the IPv4 address, the /64 of an IPv6 one, or a local user. */
struct slice netaddr_group(const struct netaddr *a);

#endif
