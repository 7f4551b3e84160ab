#include "smtpd/parent/logger/record.h"

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/net/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#ifndef _PATH_LOG
#define _PATH_LOG "/dev/log"
#endif

enum {
	FULL = 256 * 1024,
	MOST = 1024 * 1024, /* what waits at most, in octets */
	BUSY_MS = 200,      /* until a logger that is busy is asked again, if it does not say so */
	GONE_MS = 1000,     /* until one that is gone is looked for again */
	FINISH_MS = 500,
};

struct record {
	STAILQ_ENTRY(record) link;
	size_t len;
	char text[];
};

static struct {
	int fd;
	struct io *io;
	struct sockaddr_un logger;
	STAILQ_HEAD(, record) waiting;
	size_t size; /* of what waits */
	uint64_t lost;
	struct timer again;
	void (*resumed)(void);
} out = {.fd = -1};

static void on_ready(void *owner, int events);

static void
let_go(void)
{
	io_close(out.io);
	if (out.fd >= 0)
		close(out.fd);
	out.io = NULL;
	out.fd = -1;
}

static bool
reach(void)
{
	const struct sockaddr *logger = (struct sockaddr *)&out.logger;

	if (out.fd >= 0)
		return true;
	out.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (out.fd < 0 || connect(out.fd, logger, sizeof(out.logger)) < 0) {
		let_go();
		return false;
	}
	out.io = io_new(out.fd, on_ready, NULL);
	return true;
}

/* False: not now; after *wait milliseconds perhaps. A line that is too long for it is given up. */
static bool
send_record(const struct record *r, int *wait)
{
	*wait = GONE_MS;
	if (!reach())
		return false;
	if (send(out.fd, r->text, r->len, MSG_NOSIGNAL) >= 0 || errno == EMSGSIZE)
		return true;
	if (errno == EAGAIN || errno == ENOBUFS || errno == EINTR) {
		io_want(out.io, IO_WRITE);
		*wait = BUSY_MS;
	} else {
		let_go();
	}
	return false;
}

static void
drop_first(void)
{
	struct record *r = STAILQ_FIRST(&out.waiting);

	STAILQ_REMOVE_HEAD(&out.waiting, link);
	out.size -= r->len;
	free(r);
}

/* A logger that was restarted is found at the second try, at once. */
static void
send_waiting(void)
{
	bool was_full = record_is_full(), is_again = false;
	int wait = 0;

	timer_stop(&out.again);
	if (out.io != NULL)
		io_want(out.io, 0);
	while (!STAILQ_EMPTY(&out.waiting)) {
		if (send_record(STAILQ_FIRST(&out.waiting), &wait)) {
			drop_first();
			is_again = false;
		} else if (wait == GONE_MS && !is_again) {
			is_again = true;
		} else {
			timer_start(&out.again, SPAN_MS(wait));
			break;
		}
	}
	if (was_full && !record_is_full() && out.resumed != NULL)
		out.resumed();
}

static void
add(enum log_level level, pid_t pid, struct slice line)
{
	static const int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
	time_t now = time(NULL);
	struct tm tm = {0};
	struct buf text = {0};
	char stamp[32];
	struct record *r;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%b %e %T", &tm);
	buf_printf(&text, "<%d>%s kurir[%d]: ", LOG_MAIL | priorities[level], stamp, (int)pid);
	buf_add_slice(&text, line);
	r = mem_zero(sizeof(*r) + text.len);
	r->len = text.len;
	memcpy(r->text, text.data, text.len);
	buf_fini(&text);
	STAILQ_INSERT_TAIL(&out.waiting, r, link);
	out.size += r->len;
}

void
record_line(enum log_level level, pid_t pid, struct slice line)
{
	char said[64];

	if (out.size > MOST) {
		out.lost++;
		return;
	}
	if (out.lost > 0 && out.size < FULL) {
		snprintf(said, sizeof(said), "smtpd: event=log_lost lines=%llu",
		    (unsigned long long)out.lost);
		out.lost = 0;
		add(LOG_LEVEL_WARNING, getpid(), slice_of(said));
	}
	add(level, pid, line);
	if (!timer_is_running(&out.again))
		send_waiting();
}

bool
record_is_full(void)
{
	return out.size > FULL;
}

void
record_on_room(void (*resumed)(void))
{
	out.resumed = resumed;
}

static void
on_again(void *owner)
{
	send_waiting();
}

static void
on_ready(void *owner, int events)
{
	send_waiting();
}

void
record_open(const char *path)
{
	out.logger = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(out.logger.sun_path, sizeof(out.logger.sun_path), "%s",
	    path == NULL ? _PATH_LOG : path);
	STAILQ_INIT(&out.waiting);
	timer_init(&out.again, on_again, NULL);
}

void
record_close(void)
{
	struct pollfd p = {.fd = out.fd, .events = POLLOUT};

	timer_stop(&out.again);
	out.resumed = NULL;
	send_waiting();
	if (!STAILQ_EMPTY(&out.waiting) && out.fd >= 0 && poll(&p, 1, FINISH_MS) == 1)
		send_waiting();
	timer_stop(&out.again);
	while (!STAILQ_EMPTY(&out.waiting))
		drop_first();
	let_go();
}
