#include "smtpd/parent/logger/sink.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/whole.h"
#include "common/net/loop.h"
#include "smtpd/parent/logger/lines.h"
#include "smtpd/parent/logger/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	BLOCK = 64 * 1024,
	A_SECOND = 4 * 1024 * 1024, /* octets that one process may log in a second */
	WINDOW_MS = 1000,
};

struct sink {
	LIST_ENTRY(sink) link;
	const char *name;
	pid_t pid;
	int fd;
	struct io *io;
	struct lines lines;
	size_t taken; /* octets in this second */
	struct timer window;
	bool is_throttled;
};

static LIST_HEAD(, sink) sinks = LIST_HEAD_INITIALIZER(sinks);
static bool is_used;
static pid_t parent;

static void
watch(struct sink *s)
{
	if (s->io != NULL)
		io_want(s->io, s->is_throttled || record_is_full() ? 0 : IO_READ);
}

static void
watch_all(void)
{
	struct sink *s;

	LIST_FOREACH (s, &sinks, link)
		watch(s);
}

static void
on_line(void *owner, struct slice line)
{
	struct sink *s = owner;
	struct buf clean = {0};
	enum log_level level = lines_clean(&clean, s->name, line);

	record_line(level, s->pid, buf_slice(&clean));
	buf_fini(&clean);
}

/* One block; false when there is no more now. */
static bool
take(struct sink *s)
{
	static char block[BLOCK];
	ssize_t n = read(s->fd, block, sizeof(block));

	if (n <= 0) {
		if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			io_close(s->io); /* nobody holds the other end any more */
			s->io = NULL;
		}
		return false;
	}
	s->taken += (size_t)n;
	lines_add(&s->lines, slice_make(block, (size_t)n), on_line, s);
	return true;
}

static void
on_window(void *owner)
{
	struct sink *s = owner;

	s->taken = 0;
	s->is_throttled = false;
	watch(s);
}

static void
on_ready(void *owner, int events)
{
	struct sink *s = owner;

	if (!timer_is_running(&s->window))
		timer_start(&s->window, SPAN_MS(WINDOW_MS));
	take(s);
	s->is_throttled = s->taken > A_SECOND;
	if (record_is_full())
		watch_all();
	else
		watch(s);
}

/* The parent's own lines. A helper that it forked has them go to its standard error. */
static void
put(struct slice lines)
{
	struct slice line;

	if (getpid() != parent) {
		whole_write(STDERR_FILENO, lines);
		return;
	}
	while (slice_split(&lines, '\n', &line)) {
		struct buf clean = {0};
		enum log_level level = lines_clean(&clean, "smtpd", line);

		record_line(level, parent, buf_slice(&clean));
		buf_fini(&clean);
	}
}

void
sink_begin(void)
{
	struct sink *s;
	int fd;

	is_used = true;
	parent = getpid();
	record_open(NULL);
	record_on_room(watch_all);
	log_divert(put);
	/* Agents and other helpers have the parent's standard error. */
	s = sink_new("agent", &fd);
	if (s == NULL)
		return;
	sink_set_pid(s, parent);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

void
sink_end(void)
{
	struct sink *s, *next;

	if (!is_used)
		return;
	LIST_FOREACH_SAFE (s, &sinks, link, next)
		sink_close(s);
	log_flush();
	log_divert(NULL);
	record_close();
	is_used = false;
}

struct sink *
sink_new(const char *name, int *fd)
{
	struct sink *s;
	int ends[2];

	*fd = -1;
	if (!is_used)
		return NULL;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
		log_warning("%s cannot log: no pipe is to be had", name);
		return NULL;
	}
	s = mem_zero(sizeof(*s));
	s->name = name;
	s->fd = ends[0];
	s->io = io_new(ends[0], on_ready, s);
	timer_init(&s->window, on_window, s);
	LIST_INSERT_HEAD(&sinks, s, link);
	watch(s);
	*fd = ends[1];
	return s;
}

void
sink_set_pid(struct sink *s, pid_t pid)
{
	if (s != NULL)
		s->pid = pid;
}

/* A pipe holds so much and no more, so this ends. */
void
sink_close(struct sink *s)
{
	if (s == NULL)
		return;
	for (int i = 0; i < 32 && s->io != NULL && take(s); i++)
		;
	lines_end(&s->lines, on_line, s);
	timer_stop(&s->window);
	LIST_REMOVE(s, link);
	io_close(s->io);
	close(s->fd);
	free(s);
}
