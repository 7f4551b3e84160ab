/*
 * The listen lines that a process serves: each has its socket, its certificates and its count
 * of sessions. A reload puts a new service in the place of the old one on the same socket;
 * sessions keep the service, and the configuration, they came in by until they end.
 */
#ifndef COMMON_CONF_SERVICE_H
#define COMMON_CONF_SERVICE_H

#include "common/conf/child.h"
#include "common/net/accept.h"
#include "common/net/tls.h"

#include <sys/queue.h>

struct service {
	LIST_ENTRY(service) link;
	struct conf *conf;                /* a copy: the globals and this line alone */
	const struct conf_listen *listen; /* in it */
	struct tls_server *tls;           /* NULL: none offered */
	struct acceptor *acceptor;
	size_t sessions;
	bool is_closed;
};

struct service_options {
	const char *protocol;       /* "smtp", "imap", "pop3": session context and ALPN */
	const char *full;           /* what a client over its limit is told */
	struct channel **keyholder; /* who signs for the certificates */
	void (*accepted)(struct service *service, int fd, const struct netaddr *peer,
	    const struct netaddr *local);
	void (*idle)(void); /* called when draining and the last session has ended */
};

/* Once, before anything else. */
void services_init(const struct service_options *o);

/* From here to services_control(): hooks of struct child. */

/* A listening socket for that line; it opens with the configuration that names it. Takes fd. */
void services_socket(uint32_t listen, int fd);

/* Opens what has a socket and a line; puts what changed in place of the old. */
bool services_start(const struct conf *c, struct error *why);
void services_apply(const struct conf *c);

/* smtpctl asks how many sessions there are. */
void services_control(struct control *order, struct slice verb, struct slice arguments, bool json);

/* Stops listening; idle() follows, at once if there is no session. */
void services_drain(void);

/* Each accepted connection begins with enter and ends with leave. */
void service_enter(struct service *s);
void service_leave(struct service *s, const struct netaddr *peer);

/* The name this service greets with. */
const char *service_hostname(const struct service *s);

#endif
