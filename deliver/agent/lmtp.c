/*
 * LMTP (RFC 2033) to a Unix socket or host:port: one message, one recipient, one connection.
 */
#include "deliver/agent/job.h"

#include "common/base/whole.h"
#include "common/mail/reply.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { LMTP_SECONDS = 120, LMTP_LINE = 2048, BLOCK = 32 * 1024 };

struct lmtp {
	int fd;
	char in[LMTP_LINE];
	size_t len;
	struct reply reply;
	int unread; /* errno: the message cannot be read */
};

static int
connect_unix(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlcpy(un.sun_path, path, sizeof(un.sun_path)) >= sizeof(un.sun_path) ||
	    connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

static int
connect_inet(const char *destination)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *a;
	char host[300];
	char *colon;
	int fd = -1;

	snprintf(host, sizeof(host), "%s", destination);
	colon = strrchr(host, ':');
	if (colon == NULL) {
		errno = EINVAL;
		return -1;
	}
	*colon = '\0';
	if (host[0] == '[' && colon > host + 1 && colon[-1] == ']')
		colon[-1] = '\0';
	if (getaddrinfo(host[0] == '[' ? host + 1 : host, colon + 1, &hints, &list) != 0) {
		errno = EADDRNOTAVAIL;
		return -1;
	}
	for (a = list; a != NULL && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
		if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(list);
	return fd;
}

/* Reads one whole reply into l->reply. */
static bool
listen_to(struct lmtp *l)
{
	reply_reset(&l->reply);
	for (;;) {
		struct slice in = slice_make(l->in, l->len);
		ptrdiff_t lf = slice_find(in, '\n');
		ssize_t n;

		if (lf >= 0) {
			struct slice line = slice_chomp(slice_sub(in, 0, (size_t)lf));
			enum reply_result result = reply_feed(&l->reply, line);

			l->len -= (size_t)lf + 1;
			memmove(l->in, l->in + lf + 1, l->len);
			if (result != REPLY_MORE)
				return result == REPLY_DONE;
			continue;
		}
		if (l->len == sizeof(l->in))
			return false;
		n = recv(l->fd, l->in + l->len, sizeof(l->in) - l->len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		l->len += (size_t)n;
	}
}

static bool exchange(struct lmtp *l, int class, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether the whole reply to that command is of that class; one before it counts no more. */
static bool
exchange(struct lmtp *l, int class, const char *fmt, ...)
{
	struct buf line = {0};
	va_list ap;
	bool ok;

	va_start(ap, fmt);
	buf_vprintf(&line, fmt, ap);
	va_end(ap);
	reply_reset(&l->reply);
	ok = whole_send(l->fd, buf_slice(&line)) && listen_to(l) && l->reply.code / 100 == class;
	buf_fini(&line);
	return ok;
}

/* Whether the server has it: only the reply behind the message says so. */
static bool
send_message(struct lmtp *l, const struct agent_job *j)
{
	char block[BLOCK];
	struct buf out = {0};
	uint64_t at = 0;
	bool ok = true, line_start = true;

	reply_reset(&l->reply);
	agent_job_trace(j, "\r\n", &out);
	while (ok && at < j->size) {
		ssize_t n = agent_job_read(j, at, block, sizeof(block));

		if (n < 0)
			l->unread = errno;
		ok = n > 0;
		for (ssize_t i = 0; i < n; i++) {
			if (line_start && block[i] == '.')
				buf_add_char(&out, '.');
			buf_add_char(&out, block[i]);
			line_start = block[i] == '\n';
		}
		at += n > 0 ? (uint64_t)n : 0;
		ok = ok && whole_send(l->fd, buf_slice(&out));
		buf_clear(&out);
	}
	ok = ok && whole_send(l->fd, line_start ? SLICE(".\r\n") : SLICE("\r\n.\r\n"));
	buf_fini(&out);
	return ok && listen_to(l) && l->reply.code / 100 == 2;
}

/* The server did not take the message now. */
static struct agent_result
put_off(struct lmtp *l)
{
	if (l->unread != 0)
		return agent_temporary("cannot read the message: %s", strerror(l->unread));
	if (!l->reply.is_done)
		return agent_temporary("the LMTP server broke off, or does not answer");
	return agent_temporary("%s", reply_line(&l->reply));
}

/* The server did not take the message. */
static struct agent_result
refused(struct lmtp *l)
{
	char status[16];

	if (!l->reply.is_done || l->reply.code / 100 != 5)
		return put_off(l);
	return agent_permanent(
	    slice_copy(reply_status(&l->reply), status, sizeof(status)) ? status : "5.0.0", "%s",
	    reply_line(&l->reply));
}

int
agent_lmtp_open(const struct agent_job *j)
{
	const struct timeval limit = {.tv_sec = LMTP_SECONDS};
	int fd = j->argument[0] == '/' ? connect_unix(j->argument) : connect_inet(j->argument);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

struct agent_result
agent_lmtp(const struct agent_job *j, int fd)
{
	struct lmtp l = {.fd = fd};
	struct agent_result result;

	reply_init(&l.reply);
	if (!listen_to(&l) || l.reply.code != 220 || !exchange(&l, 2, "LHLO %s\r\n", j->hostname))
		result = put_off(&l); /* whatever it says, it has not heard of the message */
	else if (exchange(&l, 2, "MAIL FROM:<%s>\r\n", j->sender) &&
		 exchange(&l, 2, "RCPT TO:<%s>\r\n", j->is_rcpt_to ? j->address : j->username) &&
		 exchange(&l, 3, "DATA\r\n") && send_message(&l, j))
		result = agent_done();
	else
		result = refused(&l);
	whole_send(l.fd, SLICE("QUIT\r\n"));
	reply_fini(&l.reply);
	close(l.fd);
	return result;
}
