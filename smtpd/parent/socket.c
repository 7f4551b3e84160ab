#include "smtpd/parent/socket.h"

#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static int
bind_local(const char *run, struct error *why)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int n = snprintf(un.sun_path, sizeof(un.sun_path), "%s/submission.sock", run), fd;

	if (n < 0 || (size_t)n >= sizeof(un.sun_path)) {
		error_set(why, "the run path is too long for the sockets that lie there: %s", run);
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	unlink(un.sun_path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0 ||
	    chmod(un.sun_path, 0666) < 0 || listen(fd, BACKLOG) < 0) {
		error_errno(why, "cannot listen on %s", un.sun_path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* What to do about it. */
static const char *
advice(int code)
{
	switch (code) {
	case EADDRINUSE:
		return "; another mail server may run, which \"fstat\" or \"ss -ltnp\" names: "
		       "stop it, or write another port";
	case EADDRNOTAVAIL:
		return "; no interface has this address now";
	case EACCES:
		return "; ports below 1024 are root's";
	default:
		return "";
	}
}

static bool
is_wildcard(const struct netaddr *a)
{
	static const unsigned char any[16];

	return memcmp(a->octets, any, a->family == AF_INET ? 4 : 16) == 0;
}

/* Whether one of both is a wildcard that covers the other. */
static bool
overlaps(const struct bound *b, const struct netaddr *a)
{
	return !b->is_local && b->address.family == a->family && b->address.port == a->port &&
	       (is_wildcard(&b->address) || is_wildcard(a));
}

static void
set(int fd, int level, int option, int on)
{
	setsockopt(fd, level, option, &on, sizeof(on));
}

/* Whether our sockets let another of ours have its part of their port; true: there are such. */
static bool
share(const struct sockets *s, const struct netaddr *a, int on)
{
	bool any = false;

	for (size_t i = 0; i < s->count; i++) {
		if (!overlaps(&s->bound[i], a))
			continue;
		set(s->bound[i].fd, SOL_SOCKET, SO_REUSEPORT, on);
		any = true;
	}
	return any;
}

#ifdef IPV6_FREEBIND
static bool
has_interface(const struct netaddr *a)
{
	struct ifaddrs *list, *i;
	struct netaddr found;
	bool any = false;

	if (getifaddrs(&list) < 0)
		return false;
	for (i = list; i != NULL && !any; i = i->ifa_next)
		any = i->ifa_addr != NULL && netaddr_from_sockaddr(&found, i->ifa_addr) &&
		      netaddr_equal(&found, a) && found.scope == a->scope;
	freeifaddrs(list);
	return any;
}
#endif

/* Sets errno. Linux binds no address of IPv6 before it knows that nobody else has it, a second or
 * two after the interface came up: at boot that is now. */
static bool
bind_to(int fd, const struct netaddr *a)
{
	struct sockaddr_storage ss;
	socklen_t len = netaddr_to_sockaddr(a, &ss);
	int code;

	if (bind(fd, (struct sockaddr *)&ss, len) == 0)
		return true;
	code = errno;
#ifdef IPV6_FREEBIND
	if (code == EADDRNOTAVAIL && a->family == AF_INET6 && has_interface(a)) {
		set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1);
		return bind(fd, (struct sockaddr *)&ss, len) == 0;
	}
#endif
	errno = code;
	return false;
}

/* Sets errno. */
static int
listen_at(const struct netaddr *a, bool is_shared)
{
	int saved, fd = socket(a->family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (a->family == AF_INET6)
		set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (is_shared)
		set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (bind_to(fd, a) && listen(fd, BACKLOG) == 0) {
		if (is_shared)
			set(fd, SOL_SOCKET, SO_REUSEPORT, 0);
		return fd;
	}
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

/* A wildcard and an address of it share their port, if both are ours: the kernel gives a connection
 * to the narrower one. So a reload goes from one to the other without a gap. They are told so for
 * this moment alone: another server that says the same would get part of our mail. */
static int
bind_inet(const struct sockets *s, const struct conf_listen *l, const struct netaddr *a,
    struct error *why)
{
	bool is_shared = share(s, a, 1);
	int saved, fd = listen_at(a, is_shared);

	saved = errno;
	share(s, a, 0);
	if (fd < 0)
		error_set(why, "cannot listen on %s port %u: %s%s", l->address.data, l->port,
		    strerror(saved), advice(saved));
	errno = saved;
	return fd;
}

static bool
is_there(const struct bound *b, const struct conf_listen *l, const struct netaddr *a)
{
	return b->is_local == l->local &&
	       (l->local || (b->address.port == a->port && b->address.scope == a->scope &&
				netaddr_equal(&b->address, a)));
}

static struct bound *
find_same(struct sockets *s, const struct conf_listen *l, const struct netaddr *a)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->bound[i].service == l->service && is_there(&s->bound[i], l, a))
			return &s->bound[i];
	}
	return NULL;
}

/* One that served something else until now, for other processes: they let go of the id that they
 * know, and these hear of a new one. -1: there is none. */
static int
duplicate_of_other(const struct sockets *s, const struct conf_listen *l, const struct netaddr *a)
{
	for (size_t i = 0; i < s->count; i++) {
		if (is_there(&s->bound[i], l, a))
			return fcntl(s->bound[i].fd, F_DUPFD_CLOEXEC, 0);
	}
	return -1;
}

/* For one line: false when it cannot be; true without a socket when the host has no IPv6. */
static bool
bind_line(struct sockets *s, struct conf_listen *l, const char *run, struct error *why)
{
	struct netaddr a = {0};
	struct bound *b;
	int fd;

	if (!l->local && netaddr_parse_scoped(l->address, &a))
		a.port = l->port;
	b = find_same(s, l, &a);
	if (b == NULL) {
		if (s->count == SOCKETS_MOST)
			return error_set(why, "more than %d sockets", SOCKETS_MOST);
		fd = duplicate_of_other(s, l, &a);
		if (fd < 0)
			fd = l->local ? bind_local(run, why) : bind_inet(s, l, &a, why);
		if (fd < 0 && a.family == AF_INET6 && errno == EAFNOSUPPORT) {
			log_warning("%s; going on without it", why->text);
			return true;
		}
		if (fd < 0)
			return false;
		b = &s->bound[s->count++];
		*b = (struct bound){.address = a,
		    .service = l->service,
		    .is_local = l->local,
		    .fd = fd,
		    .id = ++s->last_id};
	}
	b->is_kept = true;
	l->id = b->id;
	return true;
}

bool
sockets_bind(struct sockets *s, struct conf *c, const char *run, struct error *why)
{
	size_t before = s->count;

	for (size_t i = 0; i < s->count; i++)
		s->bound[i].is_kept = false;
	for (size_t i = 0; i < c->listen_count; i++) {
		if (bind_line(s, &c->listens[i], run, why))
			continue;
		while (s->count > before)
			close(s->bound[--s->count].fd);
		return false;
	}
	return true;
}

void
sockets_sweep(struct sockets *s)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->count; i++) {
		if (s->bound[i].is_kept)
			s->bound[kept++] = s->bound[i];
		else
			close(s->bound[i].fd);
	}
	s->count = kept;
}

const struct bound *
sockets_find(const struct sockets *s, uint32_t id)
{
	for (size_t i = 0; i < s->count; i++) {
		if (s->bound[i].id == id)
			return &s->bound[i];
	}
	return NULL;
}
