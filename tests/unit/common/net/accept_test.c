#include "tests/unit/turns.h"
#include "tests/unit/unit.h"

#include "common/net/accept.h"
#include "common/net/loop.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

UNIT_SUITE(accept);

enum { MOST = 8 };

static const char *from; /* whence the next connection seems to come: here all are loopback's */
static uid_t user;       /* whose it seems to be over a Unix socket */
static struct acceptor *acceptor;
static struct sockaddr_in place;
static size_t accepted;
static int per_host = 3, per_user = 1000;

/* What common/net is linked with in the place of the C library's accept4(). */
int __wrap_accept4(int fd, struct sockaddr *peer, socklen_t *len, int flags);

int
__wrap_accept4(int fd, struct sockaddr *peer, socklen_t *len, int flags)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(1)};
	int got = accept(fd, NULL, NULL);

	if (got < 0)
		return -1;
	if (from == NULL) {
		peer->sa_family = AF_UNIX;
		return got;
	}
	cr_assert_eq(inet_pton(AF_INET, from, &sin.sin_addr), 1);
	memcpy(peer, &sin, sizeof(sin));
	*len = sizeof(sin);
	return got;
}

/* The same of getpeereid(). */
int __wrap_getpeereid(int fd, uid_t *uid, gid_t *gid);

int
__wrap_getpeereid(int fd, uid_t *uid, gid_t *gid)
{
	*uid = user;
	*gid = 1;
	return 0;
}

static void
on_accepted(void *owner, int fd, const struct netaddr *peer, const struct netaddr *local)
{
	accepted++;
	close(fd);
}

static void
begin_with(void (*call)(void *, int, const struct netaddr *, const struct netaddr *),
    int per_address, int total)
{
	struct acceptor_options o = {.per_address = per_address,
	    .per_user = per_user,
	    .per_host = per_host,
	    .total = total,
	    .full = "full\r\n"};
	socklen_t len = sizeof(place);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	loop_init();
	place = (struct sockaddr_in){.sin_family = AF_INET};
	place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(bind(fd, (struct sockaddr *)&place, sizeof(place)), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&place, &len), 0);
	cr_assert_eq(listen(fd, MOST), 0);
	acceptor = acceptor_new(fd, &o, call, NULL);
}

static void
begin(int per_address, int total)
{
	begin_with(on_accepted, per_address, total);
}

static void
leave(const char *address)
{
	struct netaddr peer;

	cr_assert(netaddr_parse(slice_of(address), &peer));
	acceptor_release(acceptor, &peer);
}

static void
end(void)
{
	acceptor_close(acceptor);
	loop_fini();
}

/* What a client from there is told at once. */
static const char *
knock(const char *address)
{
	static char told[32];
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	from = address;
	memset(told, 0, sizeof(told));
	cr_assert_eq(connect(fd, (struct sockaddr *)&place, sizeof(place)), 0);
	turns_for(5);
	(void)!recv(fd, told, sizeof(told) - 1, MSG_DONTWAIT);
	close(fd);
	return told;
}

Test(accept, an_address_has_so_many_sessions_and_gets_them_back)
{
	begin(2, 10);
	cr_assert_str_eq(knock("192.0.2.1"), "");
	cr_assert_str_eq(knock("192.0.2.1"), "");
	cr_assert_str_eq(knock("192.0.2.1"), "full\r\n");
	cr_assert_str_eq(knock("192.0.2.2"), "");
	cr_assert_eq(accepted, 3);
	leave("192.0.2.1");
	cr_assert_str_eq(knock("192.0.2.1"), "");
	cr_assert_str_eq(knock("192.0.2.1"), "full\r\n");
	cr_assert_eq(accepted, 4);
	leave("192.0.2.1");
	leave("192.0.2.1");
	leave("192.0.2.2");
	cr_assert_str_eq(knock("192.0.2.1"), "");
	cr_assert_eq(accepted, 5);
	leave("192.0.2.1");
	end();
}

Test(accept, the_own_host_has_more_sessions_but_not_all)
{
	begin(2, 10);
	cr_assert_str_eq(knock("127.0.0.1"), "");
	cr_assert_str_eq(knock("127.0.0.1"), "");
	cr_assert_str_eq(knock("127.0.0.1"), "");
	cr_assert_str_eq(knock("127.0.0.1"), "full\r\n");
	cr_assert_str_eq(knock("127.9.9.9"), "full\r\n", "it is one client, whatever its address");
	cr_assert_str_eq(knock("192.0.2.1"), "", "others have places");
	leave("127.0.0.1");
	cr_assert_str_eq(knock("127.9.9.9"), "");
	leave("127.9.9.9");
	leave("127.0.0.1");
	leave("127.0.0.1");
	leave("192.0.2.1");
	end();

	begin(0, 10);
	for (int i = 0; i < 5; i++)
		cr_assert_str_eq(knock("127.0.0.1"), "", "behind a proxy nobody is counted");
	for (int i = 0; i < 5; i++)
		leave("127.0.0.1");
	end();
}

Test(accept, the_own_host_leaves_descriptors_to_others)
{
	struct rlimit files;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = 64;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	per_host = 1000;
	begin(2, 1000);
	for (int i = 0; i < 64 * 3 / 4 * 3 / 4; i++)
		cr_assert_str_eq(knock("127.0.0.1"), "");
	cr_assert_str_eq(knock("127.0.0.1"), "full\r\n");
	cr_assert_str_eq(knock("192.0.2.1"), "");
	leave("192.0.2.1");
	for (int i = 0; i < 64 * 3 / 4 * 3 / 4; i++)
		leave("127.0.0.1");
	end();
}

static struct sockaddr_un socket_place = {.sun_family = AF_UNIX};

static void
begin_local(void)
{
	struct acceptor_options o = {.per_address = 2,
	    .per_user = per_user,
	    .per_host = per_host,
	    .total = 1000,
	    .full = "full\r\n"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	loop_init();
	snprintf(socket_place.sun_path, sizeof(socket_place.sun_path), "/tmp/kurir-accept-%ld",
	    (long)getpid());
	unlink(socket_place.sun_path);
	cr_assert_eq(bind(fd, (struct sockaddr *)&socket_place, sizeof(socket_place)), 0);
	cr_assert_eq(listen(fd, MOST), 0);
	acceptor = acceptor_new(fd, &o, on_accepted, NULL);
}

static bool
knock_as(uid_t uid)
{
	size_t before = accepted;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	from = NULL;
	user = uid;
	cr_assert_eq(connect(fd, (struct sockaddr *)&socket_place, sizeof(socket_place)), 0);
	turns_for(5);
	close(fd);
	return accepted > before;
}

static void
leave_as(uid_t uid)
{
	struct netaddr peer = {.family = AF_UNIX};

	memcpy(peer.octets, &uid, sizeof(uid));
	acceptor_release(acceptor, &peer);
}

/* Of sixteen places for the host, users have eight more, and each of them two. */
Test(accept, a_local_user_has_a_share)
{
	per_host = 16;
	begin_local();
	for (uid_t uid = 1; uid <= 4; uid++) {
		cr_assert(knock_as(uid));
		cr_assert(knock_as(uid));
		cr_assert_not(knock_as(uid));
	}
	cr_assert_not(knock_as(5), "that is all of them");
	leave_as(2);
	cr_assert_not(knock_as(1), "the place is another's");
	cr_assert(knock_as(2));
	leave_as(2);
	cr_assert(knock_as(5));
	for (uid_t uid = 1; uid <= 5; uid++) {
		leave_as(uid);
		if (uid != 2 && uid != 5)
			leave_as(uid);
	}
	leave_as(2);
	cr_assert(knock_as(1));
	leave_as(1);
	end();

	per_user = 1;
	begin_local();
	cr_assert(knock_as(1));
	cr_assert_not(knock_as(1), "nobody has more than LIMIT_PER_USER, however large his share");
	leave_as(1);
	end();
	unlink(socket_place.sun_path);
}

Test(accept, beyond_the_total_a_connection_waits_until_a_session_ends)
{
	begin(0, 2);
	knock("192.0.2.1");
	knock("192.0.2.1");
	knock("192.0.2.1");
	cr_assert_eq(accepted, 2);
	leave("192.0.2.1");
	turns_for(5);
	cr_assert_eq(accepted, 3);
	leave("192.0.2.1");
	leave("192.0.2.1");
	end();
}

Test(accept, what_waits_when_a_socket_goes_is_taken)
{
	int fds[3];

	begin(0, 2);
	from = "192.0.2.1";
	for (int i = 0; i < 3; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		cr_assert_eq(connect(fds[i], (struct sockaddr *)&place, sizeof(place)), 0);
	}
	acceptor_take_waiting(acceptor);
	cr_assert_eq(accepted, 2, "as far as there is room");
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	leave("192.0.2.1");
	leave("192.0.2.1");
	end();
}

static int kept = -1;

static void
keep_accepted(void *owner, int fd, const struct netaddr *peer, const struct netaddr *local)
{
	accepted++;
	if (kept < 0)
		kept = fd;
	else
		close(fd);
}

Test(accept, descriptors_are_left_for_the_files_of_sessions)
{
	struct rlimit files;
	int rest[128], n = 0;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
	files.rlim_cur = 120;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	begin_with(keep_accepted, 0, 1000);
	while (n < 128 && (n == 0 || rest[n - 1] < 89))
		cr_assert_geq(rest[n++] = dup(0), 0);
	knock("192.0.2.1");
	cr_assert_eq(accepted, 1);
	knock("192.0.2.1");
	cr_assert_eq(accepted, 1, "it waits until another descriptor is free");
	close(rest[--n]);
	close(kept);
	while (accepted < 2)
		turns_for(5);
	while (n > 0)
		close(rest[--n]);
	leave("192.0.2.1");
	leave("192.0.2.1");
	end();
}
