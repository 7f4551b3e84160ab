#include "smtpd/parent/child/join.h"

#include "common/base/log.h"
#include "common/ipc/edges.h"
#include "common/ipc/parent_any.h"
#include "smtpd/parent/child/keyfile.h"
#include "smtpd/parent/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	enum sandbox_role asker, answerer;
} edges[] = {
#define E(a, b) {SANDBOX_##a, SANDBOX_##b},
    IPC_EDGES(E)
#undef E
};

enum { EDGES = sizeof(edges) / sizeof(edges[0]) };

/* False, with the reason in the log. */
static bool
misses(const struct process *p, const char *what)
{
	log_error("cannot give %s %s: %s", sandbox_title(p->role), what, strerror(errno));
	return false;
}

static bool
send_keys(struct process *p)
{
	bool ok = true;

	for (size_t i = 0; i < suite.conf->pki_count; i++) {
		struct pa_key m = {.pki = suite.conf->pkis[i].name};
		int fd;

		ok = (keyfiles_give(i, &fd) || misses(p, "a key")) && ok;
		if (fd >= 0)
			pa_key_send(p->channel, 0, &m, fd);
	}
	return ok;
}

/* A socket goes to a process once: a second would have it accept twice as often. */
static bool
send_sockets(struct process *p, unsigned services)
{
	bool ok = true;

	for (size_t i = 0; i < suite.conf->listen_count; i++) {
		const struct conf_listen *l = &suite.conf->listens[i];
		const struct bound *b = sockets_find(&suite.sockets, l->id);
		struct pa_socket m = {.listen = l->id};
		int fd;

		if (b == NULL || b->id <= p->last_socket || !conf_listen_is_of(l, services))
			continue;
		fd = fcntl(b->fd, F_DUPFD_CLOEXEC, 0);
		ok = (fd >= 0 || misses(p, "a socket")) && ok;
		if (fd >= 0)
			pa_socket_send(p->channel, 0, &m, fd);
	}
	p->last_socket = suite.sockets.last_id;
	return ok;
}

bool
join_send_conf(struct process *p)
{
	const struct process_kind *kind = process_kind(p->role);

	if (!conf_send(suite.conf, p->channel, kind->sees, kind->services)) {
		log_error("%s does not take its configuration", sandbox_title(p->role));
		return false;
	}
	return (kind->services == 0 || send_sockets(p, kind->services)) &&
	       (p->role != SANDBOX_KEYHOLDER || send_keys(p));
}

/* A line for each edge between two processes that run. */
static bool
join(struct process *a, struct process *b)
{
	int ends[2];
	struct pa_peer to_a = {.role = (uint8_t)b->role, .instance = (uint8_t)b->instance};
	struct pa_peer to_b = {.role = (uint8_t)a->role, .instance = (uint8_t)a->instance};

	if (a->channel == NULL || b->channel == NULL)
		return true;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) {
		log_error("cannot join %s and %s: %s", sandbox_title(a->role),
		    sandbox_title(b->role), strerror(errno));
		return false;
	}
	pa_peer_send(a->channel, 0, &to_a, ends[0]);
	pa_peer_send(b->channel, 0, &to_b, ends[1]);
	return true;
}

bool
join_all(struct process *p, bool only_with_earlier)
{
	for (size_t e = 0; e < EDGES; e++) {
		for (size_t i = 0; i < suite.count; i++) {
			struct process *other = &suite.processes[i];

			if (only_with_earlier && other >= p)
				break;
			if ((edges[e].asker == p->role && edges[e].answerer == other->role) ||
			    (edges[e].answerer == p->role && edges[e].asker == other->role)) {
				bool asks = edges[e].asker == p->role;

				if (!join(asks ? p : other, asks ? other : p))
					return false;
			}
		}
	}
	return true;
}
