/*
 * Listening sockets: accepts until the kernel has no more, counts sessions for each address
 * and in all, and hands each connection to its owner. It never reads from a connection.
 * Loopback's addresses are one client, and a large one: a webmail or a proxy may come from there, and
 * so may any user of this host, who must not take all the places of the process. Those who come by a
 * Unix socket are known: each user is a client of his own, with a share of the users' places.
 */
#ifndef COMMON_NET_ACCEPT_H
#define COMMON_NET_ACCEPT_H

#include "common/net/netaddr.h"

struct acceptor;

struct acceptor_options {
	int per_address; /* sessions at once from one address or /64; 0: no limit, for loopback too */
	int per_user;    /* of one user over a Unix socket */
	int per_host; /* from loopback, over all acceptors; never over 3/4 of the descriptors, and for users half */
	int total;        /* sessions at once; beyond it nothing is accepted until one ends */
	const char *full; /* what a connection over per_address is told before it is closed */
};

/* Takes a listening, non-blocking descriptor. accepted() takes fd and must give it back to the
 * count with acceptor_release() when its session ends. */
struct acceptor *acceptor_new(int fd, const struct acceptor_options *o,
    void (*accepted)(void *owner, int fd, const struct netaddr *peer, const struct netaddr *local),
    void *owner);

/* A session from that address has ended. */
void acceptor_release(struct acceptor *a, const struct netaddr *peer);

/* Another descriptor of the same socket, for an acceptor that takes over; -1 when there is none left. */
int acceptor_duplicate(const struct acceptor *a);

/* Accepts what waits already, of a socket that is about to go: the kernel would cut it off. */
void acceptor_take_waiting(struct acceptor *a);

/* Stops listening; memory goes with the last release. */
void acceptor_close(struct acceptor *a);

#endif
