#include "tests/unit/unit.h"

#include "smtpd/parent/socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockets sockets;
static char run[] = "/tmp/kurir-socket-XXXXXX";

static void
make_run(void)
{
	cr_assert_not_null(mkdtemp(run));
}

static void
remove_run(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/submission.sock", run);
	unlink(path);
	rmdir(run);
}

/* A port of 127.0.0.1 that is free now. */
static uint16_t
free_port(void)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(fd, (struct sockaddr *)&sin, len), 0);
	getsockname(fd, (struct sockaddr *)&sin, &len);
	close(fd);
	return ntohs(sin.sin_port);
}

static void
add(struct conf *c, uint16_t port)
{
	struct conf_listen l = {.address = SLICE("127.0.0.1"), .port = port};

	if (port == 0)
		l = (struct conf_listen){.local = true, .address = SLICE("socket")};
	conf_add_listen(c, &l);
}

/* A wildcard is reached at its family's loopback. */
static bool
answers_at(const char *address, uint16_t port)
{
	struct sockaddr_storage ss;
	struct netaddr a;
	socklen_t len;
	bool ok;
	int fd;

	if (strcmp(address, "0.0.0.0") == 0)
		address = "127.0.0.1";
	if (strcmp(address, "::") == 0)
		address = "::1";
	cr_assert(netaddr_parse(slice_of(address), &a));
	a.port = port;
	len = netaddr_to_sockaddr(&a, &ss);
	fd = socket(a.family, SOCK_STREAM, 0);
	ok = connect(fd, (struct sockaddr *)&ss, len) == 0;
	close(fd);
	return ok;
}

static bool
answers(uint16_t port)
{
	return answers_at("127.0.0.1", port);
}

static void
close_all(void)
{
	struct conf *none = conf_new();
	struct error why;

	cr_assert(sockets_bind(&sockets, none, run, &why));
	sockets_sweep(&sockets);
	cr_assert_eq(sockets.count, 0);
	conf_free(none);
	remove_run();
	if (UNIT_LEAKED())
		abort();
}

TestSuite(socket_reload, .init = make_run, .fini = close_all);

Test(socket_reload, a_line_that_stays_keeps_its_socket_and_one_that_goes_is_closed)
{
	struct conf *first = conf_new(), *second = conf_new();
	uint16_t stays = free_port(), goes = free_port(), comes = free_port();
	struct error why = {""};
	uint32_t id, local;
	int fd;

	add(first, goes);
	add(first, stays);
	add(first, 0);
	cr_assert(sockets_bind(&sockets, first, run, &why), "%s", why.text);
	sockets_sweep(&sockets);
	id = first->listens[1].id;
	local = first->listens[2].id;
	fd = sockets_find(&sockets, id)->fd;
	cr_assert(answers(goes));
	add(second, 0);
	add(second, comes);
	add(second, stays);
	cr_assert(sockets_bind(&sockets, second, run, &why), "%s", why.text);
	sockets_sweep(&sockets);
	cr_assert_eq(second->listens[0].id, local);
	cr_assert_eq(second->listens[2].id, id);
	cr_assert_eq(sockets_find(&sockets, id)->fd, fd);
	cr_assert_gt(second->listens[1].id, local, "a new socket has a new id");
	cr_assert_null(sockets_find(&sockets, first->listens[0].id));
	cr_assert_not(answers(goes), "nobody would take what comes there");
	cr_assert(answers(comes) && answers(stays));
	conf_free(first);
	conf_free(second);
}

Test(socket_reload, another_service_there_is_a_new_socket_of_the_same_queue)
{
	struct conf *first = conf_new(), *second = conf_new();
	uint16_t port = free_port();
	struct error why = {""};
	uint32_t id;

	add(first, port);
	cr_assert(sockets_bind(&sockets, first, run, &why), "%s", why.text);
	sockets_sweep(&sockets);
	id = first->listens[0].id;
	add(second, port);
	second->listens[0].service = SERVICE_IMAP;
	cr_assert(sockets_bind(&sockets, second, run, &why), "%s", why.text);
	cr_assert_not_null(sockets_find(&sockets, id), "until it is sure");
	sockets_sweep(&sockets);
	cr_assert_gt(second->listens[0].id, id, "who serves it now has not heard of that one");
	cr_assert_null(sockets_find(&sockets, id));
	cr_assert_eq(sockets.count, 1);
	cr_assert(answers(port));
	conf_free(first);
	conf_free(second);
}

static void
add_at(struct conf *c, const char *address, uint16_t port)
{
	struct conf_listen l = {.address = slice_of(address), .port = port};

	conf_add_listen(c, &l);
}

/* A wildcard covers the others of its family. */
static const char *const places[][3] = {
    {"0.0.0.0", "127.0.0.1", "127.0.0.2"}, {"::", "::1", "::1"}};

static void
go_over(const char *from, const char *to)
{
	struct conf *first = conf_new(), *second = conf_new();
	uint16_t port = free_port();
	struct error why = {""};

	add_at(first, from, port);
	add_at(second, to, port);
	cr_assert(sockets_bind(&sockets, first, run, &why), "%s", why.text);
	sockets_sweep(&sockets);
	cr_assert(sockets_bind(&sockets, second, run, &why), "%s to %s: %s", from, to, why.text);
	cr_assert_not_null(sockets_find(&sockets, first->listens[0].id), "until it is sure");
	sockets_sweep(&sockets);
	cr_assert_eq(sockets.count, 1);
	cr_assert(answers_at(to, port), "%s to %s", from, to);
	conf_free(first);
	conf_free(second);
}

Test(socket_reload, a_wildcard_and_an_address_of_it_follow_each_other)
{
	for (size_t family = 0; family < 2; family++) {
		for (size_t i = 0; i < 9; i++)
			go_over(places[family][i / 3], places[family][i % 3]);
	}
	go_over("0.0.0.0", "::");
	go_over("::", "0.0.0.0");
	go_over("::", "127.0.0.1");
}

Test(socket_reload, a_wildcard_and_an_address_of_it_stand_together)
{
	struct conf *both = conf_new();
	uint16_t port = free_port();
	struct error why = {""};

	add_at(both, "127.0.0.1", port);
	add_at(both, "0.0.0.0", port);
	add_at(both, "127.0.0.2", port);
	cr_assert(sockets_bind(&sockets, both, run, &why), "%s", why.text);
	cr_assert_eq(sockets.count, 3);
	conf_free(both);
}

/* Another program has an address under the wildcard. */
Test(socket_reload, what_is_not_ours_is_not_shared)
{
	struct conf *first = conf_new(), *second = conf_new();
	uint16_t port = free_port();
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int other = socket(AF_INET, SOCK_STREAM, 0);
	struct error why = {""};
	uint32_t id;

	cr_assert_eq(bind(other, (struct sockaddr *)&sin, sizeof(sin)), 0);
	cr_assert_eq(listen(other, 1), 0);
	add_at(first, "127.0.0.2", port);
	add_at(second, "0.0.0.0", port);
	cr_assert(sockets_bind(&sockets, first, run, &why), "%s", why.text);
	sockets_sweep(&sockets);
	id = first->listens[0].id;
	cr_assert_not(sockets_bind(&sockets, second, run, &why));
	cr_assert_not_null(strstr(why.text, "another mail server"));
	cr_assert_not_null(sockets_find(&sockets, id), "the old one stays");
	cr_assert(answers_at("127.0.0.2", port));
	close(other);
	cr_assert(sockets_bind(&sockets, second, run, &why), "%s", why.text);
	sockets_sweep(&sockets);
	conf_free(first);
	conf_free(second);
}

/* Cut short it would be another place, where nobody looks for it. */
Test(socket_reload, a_run_path_that_is_too_long_is_refused)
{
	struct conf *c = conf_new();
	struct error why = {""};
	char path[100];

	memset(path, 'x', sizeof(path));
	memcpy(path, "/tmp/", 5);
	path[sizeof(path) - 1] = '\0';
	add(c, 0);
	cr_assert_not(sockets_bind(&sockets, c, path, &why));
	cr_assert_not_null(strstr(why.text, "the run path is too long"), "%s", why.text);
	cr_assert_eq(sockets.count, 0);
	conf_free(c);
}

Test(socket_reload, a_port_that_is_taken_changes_nothing)
{
	struct conf *first = conf_new(), *second = conf_new();
	uint16_t stays = free_port(), fresh = free_port(), taken = free_port();
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons(taken),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int other = socket(AF_INET, SOCK_STREAM, 0);
	struct error why = {""};
	char name[16];

	cr_assert_eq(bind(other, (struct sockaddr *)&sin, sizeof(sin)), 0);
	cr_assert_eq(listen(other, 1), 0);
	add(first, stays);
	cr_assert(sockets_bind(&sockets, first, run, &why), "%s", why.text);
	add(second, fresh);
	add(second, taken);
	cr_assert_not(sockets_bind(&sockets, second, run, &why));
	snprintf(name, sizeof(name), "%u", taken);
	cr_assert(strstr(why.text, name) != NULL, "the port is named: %s", why.text);
	cr_assert_eq(sockets.count, 1);
	cr_assert(answers(stays));
	cr_assert_not(answers(fresh), "what was bound for it is closed again");
	close(other);
	conf_free(first);
	conf_free(second);
}
