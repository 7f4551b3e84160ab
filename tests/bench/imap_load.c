/*
 * A load of IMAP clients on one thread: so many connections, each in a loop over the same commands,
 * waiting for the tagged answers. Only towards 127.0.0.0/8, in clear. Prints one line of JSON:
 * commands and loops a second, and how long a loop took.
 *
 *   imap_load [options] host port command...
 *     -c n   connections (1)
 *     -w n   seconds (5)
 *     -p c   a command before the loop, such as "LOGIN u%d@example.test secret"; may be given often
 *     -u n   users: %d in a command becomes the connection's number below n (1)
 *     -n     a new connection for each loop, ended with LOGOUT
 *     -d n   commands in flight (1)
 *     -l n   octets of the message that @ in a command becomes (1024)
 *     -a n   source addresses, 127.1.x.y (1)
 */
#include "tests/bench/load.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { COMMANDS = 64, COMMAND = 512 };

struct client {
	int fd, number;
	int next; /* of the script */
	int in_flight;
	bool greeted, looping, leaving;
	double since;
	size_t kept;
	char line[1024]; /* the beginning of the answer's line so far */
};

static struct {
	struct sockaddr_in server;
	int connections, users, depth, addresses, prologue, commands;
	size_t size;
	double seconds;
	bool renew;
	const char *script[COMMANDS];
} want = {.connections = 1, .users = 1, .depth = 1, .addresses = 1, .seconds = 5, .size = 1024};

static struct {
	long commands, loops, refused, connected;
	double start, end;
	float *took;
	size_t took_size;
	char *message;
	int epoll;
	char complaint[256];
} now;

static void
make_message(void)
{
	static const char head[] =
	    "From: <load@elsewhere.test>\r\nTo: <load@example.test>\r\n"
	    "Date: Sat, 21 Nov 2026 00:00:00 +0000\r\nSubject: appended\r\n\r\n";

	if (want.size < sizeof(head) + 2)
		want.size = sizeof(head) + 2;
	now.message = malloc(want.size + 1);
	if (now.message == NULL)
		load_die("message");
	memcpy(now.message, head, sizeof(head) - 1);
	for (size_t i = sizeof(head) - 1; i < want.size; i++) {
		size_t column = (i - sizeof(head) + 1) % 74;
		now.message[i] = column == 72 ? '\r' : column == 73 ? '\n' : (char)('a' + i % 26);
	}
	memcpy(now.message + want.size - 4, "zz\r\n", 4);
	now.message[want.size] = '\0';
}

static void
open_session(struct client *c)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

	c->fd = load_socket(SOCK_STREAM, (uint32_t)(now.connected++ % want.addresses));
	if (connect(c->fd, (struct sockaddr *)&want.server, sizeof(want.server)) != 0)
		load_die("connect");
	if (epoll_ctl(now.epoll, EPOLL_CTL_ADD, c->fd, &e) != 0)
		load_die("epoll_ctl");
	c->next = c->in_flight = 0;
	c->greeted = c->looping = c->leaving = false;
	c->kept = 0;
	c->since = load_seconds();
}

static void
send_all(struct client *c, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(c->fd, data, size, MSG_NOSIGNAL);
		if (n <= 0)
			return; /* its end is read next */
		data += n;
		size -= (size_t)n;
	}
}

static void
send_command(struct client *c, const char *command)
{
	static char line[COMMAND + 1024 * 1024];
	size_t size = 2;

	memcpy(line, "a ", 2);
	for (const char *p = command; *p != '\0' && size < COMMAND; p++) {
		if (p[0] == '%' && p[1] == 'd') {
			size += (size_t)snprintf(line + size, 16, "%d", c->number % want.users);
			p++;
		} else if (*p == '@' && p[1] == '\0') {
			size += (size_t)snprintf(line + size, 32, "{%zu+}\r\n", want.size);
			memcpy(line + size, now.message, want.size);
			size += want.size;
		} else
			line[size++] = *p;
	}
	memcpy(line + size, "\r\n", 2);
	send_all(c, line, size + 2);
	c->in_flight++;
}

/* Sends what may be sent now: the prologue one by one, then the loop. */
static void
go_on(struct client *c)
{
	for (;;) {
		if (!c->looping && c->in_flight > 0)
			return;
		if (!c->looping && c->next == want.prologue) {
			c->looping = true;
			if (!want.renew)
				c->since = load_seconds();
		}
		if (c->in_flight >= want.depth)
			return;
		if (c->next == want.prologue + want.commands) {
			if (want.renew && c->in_flight > 0)
				return;
			if (want.renew) {
				c->leaving = true;
				send_command(c, "LOGOUT");
				return;
			}
			c->next = want.prologue;
		}
		send_command(c, want.script[c->next++]);
	}
}

static void
end_loop(struct client *c)
{
	double t = load_seconds();

	if ((size_t)now.loops < now.took_size)
		now.took[now.loops] = (float)(t - c->since);
	now.loops++;
	c->since = t;
}

static void
on_line(struct client *c, const char *line)
{
	if (!c->greeted) {
		if (strncmp(line, "* OK", 4) != 0)
			return;
		c->greeted = true;
		go_on(c);
		return;
	}
	if (strncmp(line, "a ", 2) != 0)
		return;
	if (strncmp(line, "a OK", 4) != 0) {
		now.refused++;
		if (now.complaint[0] == '\0')
			snprintf(now.complaint, sizeof(now.complaint), "%.*s",
			    (int)strcspn(line, "\r\n\"\\"), line);
	}
	c->in_flight--;
	now.commands++;
	if (c->leaving ||
	    (!want.renew && c->next == want.prologue + want.commands && c->in_flight == 0))
		end_loop(c);
	if (!c->leaving)
		go_on(c);
}

/* Lines are told by their beginnings; literals are text like any other, and never begin with the
 * tag here. */
static void
on_readable(struct client *c)
{
	static char data[256 * 1024];
	ssize_t n = recv(c->fd, data, sizeof(data), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		if (!c->leaving)
			now.refused++;
		close(c->fd);
		if (load_seconds() < now.end)
			open_session(c);
		return;
	}
	for (char *p = data, *end = data + n; p < end;) {
		char *feed = memchr(p, '\n', (size_t)(end - p));
		size_t size = (size_t)((feed != NULL ? feed + 1 : end) - p);
		size_t room = sizeof(c->line) - 1 - c->kept;
		size_t copied = size < room ? size : room;
		memcpy(c->line + c->kept, p, copied);
		c->kept += copied;
		p += size;
		if (feed == NULL)
			break;
		c->line[c->kept] = '\0';
		c->kept = 0;
		on_line(c, c->line);
	}
}

static void
report(void)
{
	size_t n = (size_t)now.loops < now.took_size ? (size_t)now.loops : now.took_size;
	double took = load_seconds() - now.start;

	load_sort(now.took, n);
	printf("{\"seconds\": %.6f, \"commands\": %ld, \"loops\": %ld, \"refused\": %ld, "
	       "\"median_ms\": %.3f, "
	       "\"p99_ms\": %.3f, \"complaint\": \"%s\"}\n",
	    took, now.commands, now.loops, now.refused, load_ms(now.took, n, 50),
	    load_ms(now.took, n, 99), now.complaint);
}

static void
read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "+c:w:p:u:nd:l:a:")) != -1) {
		long n = optarg != NULL ? strtol(optarg, NULL, 10) : 0;
		switch (option) {
		case 'c':
			want.connections = (int)n;
			break;
		case 'w':
			want.seconds = (double)n;
			break;
		case 'u':
			want.users = (int)n;
			break;
		case 'd':
			want.depth = (int)n;
			break;
		case 'l':
			want.size = n < 1024 * 1024 ? (size_t)n : 1024 * 1024;
			break;
		case 'a':
			want.addresses = (int)n;
			break;
		case 'n':
			want.renew = true;
			break;
		case 'p':
			if (want.prologue < COMMANDS / 2)
				want.script[want.prologue++] = optarg;
			break;
		default:
			exit(2);
		}
	}
	if (argc - optind < 2) {
		fprintf(stderr, "usage: imap_load [options] host port command...\n");
		exit(2);
	}
	want.server = load_server("imap_load", argv[optind], argv[optind + 1]);
	for (int i = optind + 2; i < argc && want.commands < COMMANDS / 2; i++)
		want.script[want.prologue + want.commands++] = argv[i];
}

int
main(int argc, char **argv)
{
	struct epoll_event events[256];

	read_options(argc, argv);
	struct client *clients = calloc((size_t)want.connections, sizeof(*clients));
	now.took_size = 1000000;
	now.took = calloc(now.took_size, sizeof(*now.took));
	now.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (clients == NULL || now.took == NULL || now.epoll < 0)
		load_die("start");
	make_message();
	now.start = load_seconds();
	now.end = now.start + want.seconds;
	for (int i = 0; i < want.connections; i++) {
		clients[i].number = i;
		open_session(&clients[i]);
	}
	while (load_seconds() < now.end) {
		int n = epoll_wait(now.epoll, events, 256, 100);
		for (int i = 0; i < n; i++)
			on_readable(events[i].data.ptr);
	}
	report();
	free(clients);
	free(now.took);
	free(now.message);
	return now.refused > 0;
}
