/*
 * Where a transfer goes: a list of addresses in the order to try, and how to speak to them.
 * From the action's host URL (a smarthost), or from the domain's MX records.
 */
#ifndef DELIVER_RELAY_ROUTE_H
#define DELIVER_RELAY_ROUTE_H

#include "common/base/limits.h"
#include "common/conf/conf.h"
#include "common/net/netaddr.h"

enum relay_security {
	SECURITY_CLEAR,         /* smtp+notls */
	SECURITY_OPPORTUNISTIC, /* TLS when it is offered, whatever the certificate */
	SECURITY_STARTTLS,      /* or nothing; the certificate must hold unless no-verify */
	SECURITY_SMTPS,         /* TLS from the first octet */
};

/* What is left of a domain's hosts without those that are not before us. */
enum relay_way {
	WAY_ON,
	WAY_BACK,    /* nobody: the domain's mail would come back to us */
	WAY_UNKNOWN, /* some host, but its address is not known now */
};

struct relay_candidate {
	struct netaddr address;      /* family 0: not known now */
	char name[LIMIT_DOMAIN + 1]; /* for the certificate and the log */
	uint16_t preference;
	bool no_tls;  /* a handshake failed: once more in clear */
	bool is_weak; /* it answered, and lacks what the message needs */
};

struct relay_route {
	enum relay_security security;
	bool is_verified; /* the certificate must hold */
	bool is_lmtp;     /* RFC 2033, in clear */
	uint16_t port;
	char host[LIMIT_DOMAIN + 1];  /* of a smarthost; "": by MX */
	char label[LIMIT_ACTION + 1]; /* whose credentials; "": no AUTH */
	struct relay_candidate candidates[LIMIT_ROUTE];
	size_t count, next;
	bool has_unknown; /* a host before us has no address now */
};

/* The same server: address and port. */
bool relay_route_is_same(const struct netaddr *a, const struct netaddr *b);

/*
 * By what a connection is known that can serve again: all of the way but the addresses, and for
 * MX the domain. Gives a text of the heap.
 */
char *relay_route_place(const struct relay_route *r, struct slice domain);

/*
 * Reads "[label@]host[:port]" with an optional scheme smtp://, smtp+tls://, smtp+notls://,
 * smtps://, lmtp://; ports 25, 465 and 24 unless given. A last dot of the host's name is left out.
 * A label, and so a password, goes with smtp+tls and smtps alone. False: malformed.
 */
bool relay_route_parse(struct relay_route *r, struct slice url);

/* The route of an action without its addresses yet. False, and a sentence, when its URL
 * is wrong. */
bool relay_route_init(struct relay_route *r, const struct conf *c, const struct conf_action *a,
    struct slice url, struct error *why);

/* Adds an address (4 or 16 octets, or none) in the order of calls; beyond LIMIT_ROUTE it is
 * left out. */
void relay_route_add(
    struct relay_route *r, struct slice address, struct slice name, uint16_t preference);

/*
 * Takes out our own name and all hosts not better than it (RFC 5321 5.1), and those without an
 * address: while the hosts before us have none, the mail is ours to keep, not to give back.
 */
enum relay_way relay_route_without_self(struct relay_route *r, struct slice hostname);

/* Whether every host was reached, by one of its addresses at least, and is weak: nobody else is left
 * who might take the message another time. */
bool relay_route_is_weak(const struct relay_route *r);

#endif
