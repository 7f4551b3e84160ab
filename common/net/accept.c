#include "common/net/accept.h"

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* USERS_PART: of loopback's places, that local users have besides; USER_PART: of these, one user's. */
enum {
	ACCEPT_BATCH = 64,
	ACCEPT_REST_MS = 500,
	ACCEPT_WAITING = 1024,
	USERS_PART = 2,
	USER_PART = 4,
};

/* Sessions from loopback and of local users that count, of all acceptors: descriptors are the
 * process's, too. */
static int local_sessions, user_sessions;

struct acceptor {
	int fd;
	struct io *io;
	struct acceptor_options options;
	void (*accepted)(void *owner, int fd, const struct netaddr *, const struct netaddr *);
	void *owner;
	struct hash counts; /* address group -> sessions, as a pointer-sized number */
	int sessions;
	bool closed;
	int descriptors;   /* that connections may take */
	struct timer rest; /* while there are no more of them */
};

/* Every fourth is left for what sessions need besides: the files of large messages come from other
 * processes, and one that finds no room costs the line to them. */
static int
most_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur > INT_MAX)
		return INT_MAX;
	return (int)(files.rlim_cur - files.rlim_cur / 4);
}

static void
watch(struct acceptor *a)
{
	bool on = !a->closed && !timer_is_running(&a->rest) && a->sessions < a->options.total;

	io_want(a->io, on ? IO_READ : 0);
}

/* The next descriptor is the lowest that is free. */
static bool
has_descriptors(const struct acceptor *a)
{
	int next = acceptor_duplicate(a);

	if (next >= 0)
		close(next);
	return next >= 0 && next < a->descriptors;
}

static void
on_rested(void *owner)
{
	struct acceptor *a = owner;

	if (has_descriptors(a))
		watch(a);
	else
		timer_start(&a->rest, SPAN_MS(ACCEPT_REST_MS));
}

static void
rest(struct acceptor *a, int failure)
{
	log_warning("no more connections are accepted for now: %s", strerror(failure));
	timer_start(&a->rest, SPAN_MS(ACCEPT_REST_MS));
}

static int
most_local(const struct acceptor *a)
{
	int of_descriptors = a->descriptors - a->descriptors / 4;

	return a->options.per_host < of_descriptors ? a->options.per_host : of_descriptors;
}

/* One user leaves most of the users' places to the others, however few there are. */
static int
most_of_user(const struct acceptor *a)
{
	int share = most_local(a) / USERS_PART / USER_PART;

	return a->options.per_user < share ? a->options.per_user : share;
}

/* Counts one more of its kind, or one less. */
static void
count_local(const struct acceptor *a, const struct netaddr *peer, int step)
{
	if (a->options.per_address == 0 || !netaddr_is_loopback(peer))
		return;
	if (peer->family == AF_UNIX)
		user_sessions += step;
	else
		local_sessions += step;
}

/* Whether a client that has n sessions may have another. */
static bool
has_place(const struct acceptor *a, const struct netaddr *peer, intptr_t n)
{
	if (a->options.per_address == 0)
		return true;
	if (peer->family == AF_UNIX)
		return user_sessions < most_local(a) / USERS_PART && n < most_of_user(a);
	if (netaddr_is_loopback(peer))
		return local_sessions < most_local(a);
	return n < a->options.per_address;
}

static bool
admit(struct acceptor *a, const struct netaddr *peer)
{
	struct slice group = netaddr_group(peer);
	intptr_t n = (intptr_t)hash_find(&a->counts, group);

	if (!has_place(a, peer, n))
		return false;
	count_local(a, peer, 1);
	hash_add(&a->counts, group, (void *)(n + 1));
	a->sessions++;
	return true;
}

/* A local user's address is who he is, as the kernel says. */
static bool
find_peer(int fd, const struct sockaddr_storage *ss, struct netaddr *peer)
{
	uid_t uid;
	gid_t gid;

	if (!netaddr_from_sockaddr(peer, (const struct sockaddr *)ss))
		return false;
	if (peer->family != AF_UNIX)
		return true;
	if (getpeereid(fd, &uid, &gid) < 0)
		return false;
	memcpy(peer->octets, &uid, sizeof(uid));
	return true;
}

static void
take(struct acceptor *a, int fd, const struct sockaddr_storage *ss)
{
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);
	struct netaddr peer, local = {0};

	memset(&own, 0, sizeof(own));
	if (!find_peer(fd, ss, &peer)) {
		close(fd);
		return;
	}
	if (getsockname(fd, (struct sockaddr *)&own, &len) == 0)
		netaddr_from_sockaddr(&local, (struct sockaddr *)&own);
	if (!admit(a, &peer)) {
		if (a->options.full != NULL)
			(void)!send(fd, a->options.full, strlen(a->options.full), MSG_NOSIGNAL);
		close(fd);
		return;
	}
	a->accepted(a->owner, fd, &peer, &local);
}

/* False: there is none, or no room for one. */
static bool
take_next(struct acceptor *a)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd;

	if (a->sessions >= a->options.total)
		return false;
	memset(&ss, 0, sizeof(ss));
	fd = accept4(a->fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
			rest(a, errno);
		return false;
	}
	take(a, fd, &ss);
	if (fd < a->descriptors)
		return true;
	rest(a, EMFILE);
	return false;
}

static void
on_ready(void *owner, int events)
{
	struct acceptor *a = owner;
	int n = 0;

	while (n < ACCEPT_BATCH && take_next(a))
		n++;
	watch(a);
}

void
acceptor_take_waiting(struct acceptor *a)
{
	int n = 0;

	while (n < ACCEPT_WAITING && take_next(a))
		n++;
}

struct acceptor *
acceptor_new(int fd, const struct acceptor_options *o,
    void (*accepted)(void *owner, int fd, const struct netaddr *peer, const struct netaddr *local),
    void *owner)
{
	struct acceptor *a = mem_zero(sizeof(*a));

	a->fd = fd;
	a->options = *o;
	a->descriptors = most_descriptors();
	a->accepted = accepted;
	a->owner = owner;
	hash_init(&a->counts);
	timer_init(&a->rest, on_rested, a);
	a->io = io_new(fd, on_ready, a);
	watch(a);
	return a;
}

int
acceptor_duplicate(const struct acceptor *a)
{
	return fcntl(a->fd, F_DUPFD_CLOEXEC, 0);
}

static void
free_when_done(struct acceptor *a)
{
	if (!a->closed || a->sessions > 0)
		return;
	hash_fini(&a->counts);
	free(a);
}

void
acceptor_release(struct acceptor *a, const struct netaddr *peer)
{
	struct slice group = netaddr_group(peer);
	intptr_t n = (intptr_t)hash_find(&a->counts, group);

	if (n <= 1)
		hash_remove(&a->counts, group);
	else
		hash_add(&a->counts, group, (void *)(n - 1));
	count_local(a, peer, -1);
	a->sessions--;
	if (a->closed)
		free_when_done(a);
	else
		watch(a);
}

void
acceptor_close(struct acceptor *a)
{
	if (a == NULL || a->closed)
		return;
	a->closed = true;
	timer_stop(&a->rest);
	io_close(a->io);
	close(a->fd);
	free_when_done(a);
}
