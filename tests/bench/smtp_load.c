/*
 * A load of SMTP clients on one thread: so many connections, each sending one message after another
 * and waiting for every reply, so that all servers get the same work. Only towards 127.0.0.0/8.
 * Prints one line of JSON: what was accepted, what was refused, the seconds from the first connect
 * to the last 250, and how long a message took.
 *
 *   smtp_load [options] host port
 *     -c n   connections (1)
 *     -m n   messages in all (1000)
 *     -l n   octets of a message (1024)
 *     -s n   messages of a session; 1 is a new one for each (1000)
 *     -t a   recipient; its %d becomes a number below -u (1)
 *     -r n   recipients of a message (1)
 *     -a n   source addresses, 127.1.x.y (1)
 *     -w n   seconds at most (60)
 *     -i     only hold the sessions after EHLO, until the end of standard input
 */
#include "tests/bench/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum step { GREETING, EHLO, MAIL, RCPT, DATA, TEXT, QUIT, HELD };

struct client {
	int fd;
	enum step step;
	int left;        /* messages of this session */
	int recipient;   /* of this message */
	long number;     /* of this message */
	size_t sent;     /* octets of the text */
	size_t kept;     /* octets in line */
	double since;    /* when this message began */
	char line[1024]; /* the reply so far */
	char head[256];
	size_t head_size;
};

static struct {
	struct sockaddr_in server;
	int connections, users, recipients, per_session, addresses;
	long messages;
	size_t size;
	double limit;
	const char *to;
	bool hold;
} want = {.connections = 1,
    .users = 1,
    .recipients = 1,
    .per_session = 1000,
    .addresses = 1,
    .messages = 1000,
    .size = 1024,
    .limit = 60,
    .to = "load@sink.test"};

static struct {
	long begun, accepted, refused, broken, connected, held;
	double start, last;
	float *took;
	char *text;
	size_t text_size;
	int epoll, open;
	char complaint[256];
} now;

/* The part of a message that is the same in all: lines of 72, and the dot. */
static void
make_text(void)
{
	static const char end[] = "\r\n.\r\n";

	now.text = malloc(want.size + sizeof(end));
	if (now.text == NULL)
		load_die("text");
	size_t body = want.size > 256 ? want.size - 256 : 16;
	for (size_t i = 0; i < body; i++) {
		size_t column = i % 74;
		now.text[i] = column == 72   ? '\r'
			      : column == 73 ? '\n'
					     : (char)('a' + (i / 74 + column) % 26);
	}
	if (body % 74 == 73)
		now.text[body - 1] = 'z';
	memcpy(now.text + body, end, sizeof(end) - 1);
	now.text_size = body + sizeof(end) - 1;
}

static void
watch(struct client *c, uint32_t events, int how)
{
	struct epoll_event e = {.events = events, .data.ptr = c};

	if (epoll_ctl(now.epoll, how, c->fd, &e) != 0)
		load_die("epoll_ctl");
}

static void
open_session(struct client *c)
{
	c->fd =
	    load_socket(SOCK_STREAM | SOCK_NONBLOCK, (uint32_t)(now.connected++ % want.addresses));
	if (connect(c->fd, (struct sockaddr *)&want.server, sizeof(want.server)) != 0 &&
	    errno != EINPROGRESS)
		load_die("connect");
	c->step = GREETING;
	c->left = want.per_session;
	c->kept = 0;
	watch(c, EPOLLIN, EPOLL_CTL_ADD);
	now.open++;
}

static void
close_session(struct client *c)
{
	close(c->fd);
	c->fd = -1;
	now.open--;
	if (!want.hold && now.begun < want.messages)
		open_session(c);
}

static void
say(struct client *c, const char *line, size_t size)
{
	if (send(c->fd, line, size, MSG_NOSIGNAL) != (ssize_t)size)
		now.broken++; /* the end of the session follows */
}

static void
say_recipient(struct client *c)
{
	char line[512] = "RCPT TO:<";
	int number = (int)((c->number + c->recipient) % want.users);
	const char *percent = strstr(want.to, "%d");
	int size;

	if (percent != NULL)
		size = snprintf(line, sizeof(line), "RCPT TO:<%.*s%d%s>\r\n",
		    (int)(percent - want.to), want.to, number, percent + 2);
	else
		size = snprintf(line, sizeof(line), "RCPT TO:<%s>\r\n", want.to);
	c->recipient++;
	c->step = RCPT;
	say(c, line, (size_t)size);
}

static void
say_text(struct client *c)
{
	while (c->sent < c->head_size + now.text_size) {
		struct iovec parts[2] = {{c->head, c->head_size}, {now.text, now.text_size}};
		size_t skip = c->sent;
		for (int i = 0; i < 2; i++) {
			size_t n = skip < parts[i].iov_len ? skip : parts[i].iov_len;
			parts[i].iov_base = (char *)parts[i].iov_base + n;
			parts[i].iov_len -= n;
			skip -= n;
		}
		ssize_t n = writev(c->fd, parts, 2);
		if (n < 0) {
			watch(c, errno == EAGAIN ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
			return;
		}
		c->sent += (size_t)n;
	}
}

/* The next message of this session, or QUIT. */
static void
next_message(struct client *c)
{
	static const char mail[] = "MAIL FROM:<load@elsewhere.test>\r\n";

	if (c->left == 0 || now.begun >= want.messages) {
		c->step = QUIT;
		say(c, "QUIT\r\n", 6);
		return;
	}
	c->left--;
	c->number = now.begun++;
	c->recipient = 0;
	c->since = load_seconds();
	c->step = MAIL;
	say(c, mail, sizeof(mail) - 1);
}

static void
begin_text(struct client *c)
{
	c->head_size = (size_t)snprintf(c->head, sizeof(c->head),
	    "From: <load@elsewhere.test>\r\nTo: <load@example.test>\r\nSubject: message %ld of a "
	    "load\r\n"
	    "Date: Sat, 21 Nov 2026 00:00:00 +0000\r\nMessage-ID: <%ld.%d@elsewhere.test>\r\n\r\n",
	    c->number, c->number, (int)getpid());
	c->sent = 0;
	c->step = TEXT;
	say_text(c);
}

static void
refused(struct client *c, const char *reply)
{
	now.refused++;
	if (now.complaint[0] == '\0')
		snprintf(now.complaint, sizeof(now.complaint), "%.*s",
		    (int)strcspn(reply, "\r\n\"\\"), reply);
	c->step = QUIT;
	say(c, "QUIT\r\n", 6);
}

/* One whole reply: its last line. */
static void
on_reply(struct client *c, const char *reply)
{
	char expected = c->step == DATA ? '3' : '2';

	if (reply[0] != expected && c->step != QUIT) {
		refused(c, reply);
		return;
	}
	switch (c->step) {
	case GREETING:
		c->step = EHLO;
		say(c, "EHLO load.test\r\n", 16);
		break;
	case EHLO:
		if (want.hold) {
			c->step = HELD;
			now.held++;
		} else
			next_message(c);
		break;
	case MAIL:
	case RCPT:
		if (c->recipient < want.recipients)
			say_recipient(c);
		else {
			c->step = DATA;
			say(c, "DATA\r\n", 6);
		}
		break;
	case DATA:
		begin_text(c);
		break;
	case TEXT:
		now.last = load_seconds();
		now.took[now.accepted++] = (float)(now.last - c->since);
		next_message(c);
		break;
	case QUIT:
		shutdown(c->fd, SHUT_RDWR); /* its end is read next */
		break;
	case HELD:
		break;
	}
}

static void
on_readable(struct client *c)
{
	ssize_t n = recv(c->fd, c->line + c->kept, sizeof(c->line) - c->kept, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		now.broken += c->step != QUIT;
		close_session(c);
		return;
	}
	c->kept += (size_t)n;
	char *begin = c->line, *end;
	while ((end = memchr(begin, '\n', c->kept - (size_t)(begin - c->line))) != NULL) {
		bool last = end - begin > 3 && begin[3] != '-';
		char *line = begin;
		begin = end + 1;
		if (last)
			on_reply(c, line);
	}
	c->kept -= (size_t)(begin - c->line);
	if (c->kept == sizeof(c->line))
		c->kept = 0;
	memmove(c->line, begin, c->kept);
}

static void
work(struct client *clients)
{
	struct epoll_event events[256];
	int started = 0;

	now.start = now.last = load_seconds();
	while (started < want.connections && !want.hold && started < want.messages)
		open_session(&clients[started++]);
	for (;;) {
		/* Idle sessions are opened a few at a time, as no backlog holds thousands. */
		while (
		    want.hold && started < want.connections && started - now.held - now.broken < 16)
			open_session(&clients[started++]);
		if (now.open == 0 ||
		    (want.hold && now.held + now.broken + now.refused >= want.connections))
			return;
		int n = epoll_wait(now.epoll, events, 256, 1000);
		if (load_seconds() - now.start > want.limit)
			return;
		for (int i = 0; i < n; i++) {
			struct client *c = events[i].data.ptr;
			if ((events[i].events & EPOLLOUT) != 0) {
				watch(c, EPOLLIN, EPOLL_CTL_MOD);
				say_text(c);
			}
			if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0)
				on_readable(c);
		}
	}
}

static void
report(void)
{
	size_t n = (size_t)now.accepted;

	load_sort(now.took, n);
	printf("{\"seconds\": %.6f, \"accepted\": %ld, \"refused\": %ld, \"broken\": %ld, "
	       "\"held\": %ld, "
	       "\"median_ms\": %.3f, \"p99_ms\": %.3f, \"complaint\": \"%s\"}\n",
	    now.last - now.start, now.accepted, now.refused, now.broken, now.held,
	    load_ms(now.took, n, 50), load_ms(now.took, n, 99), now.complaint);
	fflush(stdout);
}

static void
read_options(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "c:m:l:s:t:u:r:a:w:i")) != -1) {
		long n = optarg != NULL ? strtol(optarg, NULL, 10) : 0;
		switch (option) {
		case 'c':
			want.connections = (int)n;
			break;
		case 'm':
			want.messages = n;
			break;
		case 'l':
			want.size = (size_t)n;
			break;
		case 's':
			want.per_session = (int)n;
			break;
		case 't':
			want.to = optarg;
			break;
		case 'u':
			want.users = (int)n;
			break;
		case 'r':
			want.recipients = (int)n;
			break;
		case 'a':
			want.addresses = (int)n;
			break;
		case 'w':
			want.limit = (double)n;
			break;
		case 'i':
			want.hold = true;
			break;
		default:
			exit(2);
		}
	}
	if (argc - optind != 2) {
		fprintf(stderr, "usage: smtp_load [options] host port\n");
		exit(2);
	}
	want.server = load_server("smtp_load", argv[optind], argv[optind + 1]);
}

int
main(int argc, char **argv)
{
	struct rlimit files;

	read_options(argc, argv);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	struct client *clients = calloc((size_t)want.connections, sizeof(*clients));
	now.took = calloc((size_t)want.messages + 1, sizeof(*now.took));
	now.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (clients == NULL || now.took == NULL || now.epoll < 0)
		load_die("start");
	make_text();
	work(clients);
	report();
	char octet;
	while (want.hold && read(STDIN_FILENO, &octet, 1) > 0)
		;
	free(clients);
	free(now.took);
	free(now.text);
	return now.accepted == want.messages || want.hold ? 0 : 1;
}
