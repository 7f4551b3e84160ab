/*
 * The end of a relay: an SMTP server that takes every message, keeps none, and counts. One thread;
 * only on 127.0.0.0/8. The counters lie in a file that is mapped, two 64-bit numbers in the
 * machine's order: messages and recipients, so that whoever waits for them costs the sink nothing.
 *
 *   smtp_sink host port file
 */
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

struct session {
	int fd;
	bool in_text;
	int recipients;
	bool done;
	size_t matched; /* octets of the end of the text seen */
	size_t kept;
	char line[2048];
	size_t answer_size;
	char answer[8192];
};

struct counters {
	uint64_t messages, recipients;
};

static const char end_of_text[] = "\r\n.\r\n";

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
answer(struct session *s, const char *line)
{
	size_t size = strlen(line);

	if (s->answer_size + size <= sizeof(s->answer)) {
		memcpy(s->answer + s->answer_size, line, size);
		s->answer_size += size;
	}
}

/* Passes over text; returns how many octets of data belong to it. */
static size_t
on_text(struct session *s, const char *data, size_t size, struct counters *counters)
{
	for (size_t i = 0; i < size; i++) {
		if (data[i] == end_of_text[s->matched])
			s->matched++;
		else {
			s->matched = data[i] == '\r';
			if (s->matched == 0) {
				const char *next = memchr(data + i, '\r', size - i);
				if (next == NULL)
					return size;
				i = (size_t)(next - data) - 1;
			}
		}
		if (s->matched == sizeof(end_of_text) - 1) {
			s->in_text = false;
			counters->messages++;
			counters->recipients += (uint64_t)s->recipients;
			answer(s, "250 2.0.0 taken\r\n");
			return i + 1;
		}
	}
	return size;
}

static void
on_command(struct session *s, const char *line)
{
	if (strncasecmp(line, "EHLO", 4) == 0)
		answer(s, "250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-"
			  "ENHANCEDSTATUSCODES\r\n250 SIZE\r\n");
	else if (strncasecmp(line, "MAIL", 4) == 0) {
		s->recipients = 0;
		answer(s, "250 2.1.0 sender\r\n");
	} else if (strncasecmp(line, "RCPT", 4) == 0) {
		s->recipients++;
		answer(s, "250 2.1.5 recipient\r\n");
	} else if (strncasecmp(line, "DATA", 4) == 0) {
		s->in_text = true;
		s->matched = 2; /* a dot at once ends it, too */
		answer(s, "354 go on\r\n");
	} else if (strncasecmp(line, "QUIT", 4) == 0)
		answer(s, "221 2.0.0 bye\r\n");
	else
		answer(s, "250 2.0.0 yes\r\n");
}

static void
on_octets(struct session *s, const char *data, size_t size, struct counters *counters)
{
	while (size > 0) {
		size_t used;
		if (s->in_text)
			used = on_text(s, data, size, counters);
		else {
			const char *end = memchr(data, '\n', size);
			used = end != NULL ? (size_t)(end - data) + 1 : size;
			size_t room = sizeof(s->line) - 1 - s->kept;
			size_t copied = used < room ? used : room;
			memcpy(s->line + s->kept, data, copied);
			s->kept += copied;
			if (end != NULL) {
				s->line[s->kept] = '\0';
				s->kept = 0;
				on_command(s, s->line);
			}
		}
		data += used;
		size -= used;
	}
}

static void
on_readable(struct session *s, struct counters *counters)
{
	static char data[256 * 1024];
	ssize_t n = recv(s->fd, data, sizeof(data), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0) {
		on_octets(s, data, (size_t)n, counters);
		n = s->answer_size == 0 ? 1 : send(s->fd, s->answer, s->answer_size, MSG_NOSIGNAL);
		s->answer_size = 0;
	}
	if (n <= 0 || s->done) {
		close(s->fd);
		free(s);
	}
}

static void
on_connection(int listener, int epoll)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		struct session *s = calloc(1, sizeof(*s));
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
		int yes = 1;
		if (s == NULL)
			die("session");
		s->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0 ||
		    send(fd, "220 sink.test\r\n", 15, MSG_NOSIGNAL) != 15) {
			close(fd);
			free(s);
		}
	}
}

static struct counters *
map_counters(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(struct counters)) != 0)
		die(path);
	void *map = mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		die("mmap");
	close(fd);
	return map;
}

static int
listen_on(const char *host, const char *port)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int yes = 1;

	address.sin_port = htons((uint16_t)strtol(port, NULL, 10));
	if (inet_pton(AF_INET, host, &address.sin_addr) != 1 ||
	    ntohl(address.sin_addr.s_addr) >> 24 != 127) {
		fprintf(stderr, "smtp_sink: %s is not in 127.0.0.0/8\n", host);
		exit(2);
	}
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, 1024) != 0)
		die("listen");
	return fd;
}

int
main(int argc, char **argv)
{
	struct epoll_event events[256];
	struct rlimit files;

	if (argc != 4) {
		fprintf(stderr, "usage: smtp_sink host port file\n");
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	struct counters *counters = map_counters(argv[3]);
	int listener = listen_on(argv[1], argv[2]);
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e) != 0)
		die("epoll");
	for (;;) {
		int n = epoll_wait(epoll, events, 256, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				on_connection(listener, epoll);
			else
				on_readable(events[i].data.ptr, counters);
		}
	}
}
