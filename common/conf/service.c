#include "common/conf/service.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/conf/status.h"
#include "common/conf/tls_conf.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A socket that came before the configuration it belongs to is in force. */
struct waiting_socket {
	SLIST_ENTRY(waiting_socket) link;
	uint32_t listen;
	int fd;
};

static struct {
	struct service_options o;
	LIST_HEAD(, service) open;
	SLIST_HEAD(, waiting_socket) waiting;
	size_t sessions;
	bool is_draining;
} services;

void
services_init(const struct service_options *o)
{
	services.o = *o;
	LIST_INIT(&services.open);
	SLIST_INIT(&services.waiting);
}

void
services_socket(uint32_t listen, int fd)
{
	struct waiting_socket *w = mem_zero(sizeof(*w));

	w->listen = listen;
	w->fd = fd;
	SLIST_INSERT_HEAD(&services.waiting, w, link);
}

static void
free_when_done(struct service *s)
{
	if (!s->is_closed || s->sessions > 0)
		return;
	tls_server_free(s->tls);
	conf_free(s->conf);
	free(s);
}

static void
on_accepted(void *owner, int fd, const struct netaddr *peer, const struct netaddr *local)
{
	services.o.accepted(owner, fd, peer, local);
}

static struct conf *
copy_conf(const struct conf *c, const struct conf_listen *l)
{
	struct conf *own = conf_new();

	conf_set_global(own, &c->global);
	conf_add_listen(own, l);
	return own;
}

static void
open_service(const struct conf *c, const struct conf_listen *l, int fd)
{
	struct acceptor_options o = {/* behind a proxy all clients come from its address */
	    .per_address = l->proxy_v2 ? 0 : LIMIT_PER_ADDRESS,
	    .per_user = LIMIT_PER_USER,
	    .per_host = LIMIT_PER_HOST,
	    .total = LIMIT_SESSIONS,
	    .full = services.o.full};
	struct tls_server *tls = NULL;
	struct service *s;
	struct error why = {""};

	if (l->tls != TLS_NONE) {
		tls = tls_server_from_conf(c, l, services.o.protocol, services.o.keyholder, &why);
		if (tls == NULL) {
			log_error("%s", why.text);
			close(fd);
			return;
		}
	}
	s = mem_zero(sizeof(*s));
	s->conf = copy_conf(c, l);
	s->listen = &s->conf->listens[0];
	s->tls = tls;
	s->acceptor = acceptor_new(fd, &o, on_accepted, s);
	LIST_INSERT_HEAD(&services.open, s, link);
}

/* Its memory, and the acceptor's, go with the last session. */
static void
close_service(struct service *s)
{
	LIST_REMOVE(s, link);
	s->is_closed = true;
	acceptor_close(s->acceptor);
	free_when_done(s);
}

/* Without a descriptor to go on with, the line goes on as it was: a closed port serves nobody. */
static void
replace_service(const struct conf *c, struct service *s)
{
	const struct conf_listen *l = conf_find_listen(c, s->listen->id);
	int fd = l == NULL ? -1 : acceptor_duplicate(s->acceptor);

	if (l != NULL && fd < 0) {
		log_error("listen on %.*s port %u stays as it was until the next reload: %s",
		    SLICE_FMT(l->address), l->port, strerror(errno));
		return;
	}
	if (l == NULL)
		acceptor_take_waiting(s->acceptor);
	close_service(s);
	if (l != NULL)
		open_service(c, l, fd);
}

void
services_apply(const struct conf *c)
{
	struct service *s, *next;
	struct waiting_socket *w;

	LIST_FOREACH_SAFE (s, &services.open, link, next)
		replace_service(c, s);
	while ((w = SLIST_FIRST(&services.waiting)) != NULL) {
		const struct conf_listen *l = conf_find_listen(c, w->listen);

		SLIST_REMOVE_HEAD(&services.waiting, link);
		if (l == NULL)
			close(w->fd);
		else
			open_service(c, l, w->fd);
		free(w);
	}
}

bool
services_start(const struct conf *c, struct error *why)
{
	services_apply(c);
	return true;
}

void
services_drain(void)
{
	services.is_draining = true;
	while (!LIST_EMPTY(&services.open))
		close_service(LIST_FIRST(&services.open));
	if (services.sessions == 0)
		services.o.idle();
}

void
services_control(struct control *order, struct slice verb, struct slice arguments, bool json)
{
	const struct status_count sessions = {"sessions", "session", "sessions", services.sessions};

	status_control(order, verb, json, &sessions, 1);
}

void
service_enter(struct service *s)
{
	s->sessions++;
	services.sessions++;
}

void
service_leave(struct service *s, const struct netaddr *peer)
{
	acceptor_release(s->acceptor, peer);
	s->sessions--;
	services.sessions--;
	free_when_done(s);
	if (services.is_draining && services.sessions == 0)
		services.o.idle();
}

const char *
service_hostname(const struct service *s)
{
	return s->listen->hostname.len > 0 ? s->listen->hostname.data
					   : s->conf->global.hostname.data;
}
