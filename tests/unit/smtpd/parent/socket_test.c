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

static bool
answers(uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool ok = connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == 0;

	close(fd);
	return ok;
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
