#include "deliver/agent/job.h"

#include "common/base/folder.h"
#include "common/base/mem.h"
#include "common/base/whole.h"
#include "common/mail/expand.h"
#include "common/mail/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 64 * 1024 };

void
agent_job_init(
    struct agent_job *j, const struct agent_recipient *recipient, const struct ag_job *m, int fd)
{
	*j = (struct agent_job){.message = m->message,
	    .size = m->size,
	    .method = m->method,
	    .seconds = m->seconds,
	    .is_junk = m->junk != 0,
	    .is_rcpt_to = m->rcpt_to != 0,
	    .is_expanding = m->expand != 0,
	    .delim = (char)m->delim,
	    .user = recipient->user,
	    .home = recipient->home,
	    .shell = recipient->shell,
	    .fd = fd};
	j->argument = slice_text(m->argument);
	j->username = slice_text(m->username.len > 0 ? m->username : slice_of(j->user));
	j->sender = slice_text(m->sender);
	j->address = slice_text(m->address);
	j->original = slice_text(m->original);
	j->hostname = slice_text(m->hostname);
	if (fd < 0) {
		j->octets = mem_text(m->octets.data, m->octets.len);
		j->size = m->octets.len;
	}
}

bool
agent_job_expand(struct agent_job *j, struct error *why)
{
	char daemon[300], wrong[EXPAND_WRONG];
	struct expand_words w = {.sender = slice_of(j->sender),
	    .rcpt = slice_of(j->original),
	    .dest = slice_of(j->address),
	    .username = slice_of(j->username),
	    .directory = slice_of(j->home),
	    .mbox_from = slice_of(j->sender),
	    .delimiter = j->delim};
	struct buf out = {0};

	if (!j->is_expanding || j->argument[0] == '\0')
		return true;
	if (w.mbox_from.len == 0) {
		snprintf(daemon, sizeof(daemon), "MAILER-DAEMON@%s", j->hostname);
		w.mbox_from = slice_of(daemon);
	}
	if (!expand(slice_of(j->argument), &w, &out, wrong)) {
		buf_fini(&out);
		return error_set(why, "the action's \"%.200s\": %s", j->argument, wrong);
	}
	free(j->argument);
	j->argument = slice_text(buf_slice(&out));
	buf_fini(&out);
	return true;
}

void
agent_job_fini(struct agent_job *j)
{
	free(j->argument);
	free(j->username);
	free(j->sender);
	free(j->address);
	free(j->original);
	free(j->hostname);
	free(j->octets);
	if (j->fd >= 0)
		close(j->fd);
}

ssize_t
agent_job_read(const struct agent_job *j, uint64_t at, char *out, size_t size)
{
	ssize_t n;

	if (at >= j->size)
		return 0;
	if (size > j->size - at)
		size = (size_t)(j->size - at);
	if (j->fd < 0) {
		memcpy(out, j->octets + at, size);
		return (ssize_t)size;
	}
	do
		n = pread(j->fd, out, size, (off_t)at);
	while (n < 0 && errno == EINTR);
	if (n == 0) {
		errno = EIO;
		return -1;
	}
	return n;
}

struct slice
agent_job_detail(const struct agent_job *j)
{
	struct slice local = slice_of(j->address);
	ptrdiff_t at = slice_find_last(local, '@'), plus;

	if (at >= 0)
		local = slice_sub(local, 0, (size_t)at);
	plus = slice_find(local, j->delim);
	return plus < 0 ? SLICE("") : slice_from(local, (size_t)plus + 1);
}

void
agent_job_trace(const struct agent_job *j, const char *line_end, struct buf *out)
{
	struct buf fields = {0};
	struct slice rest, line;

	trace_return_path(&fields, slice_of(j->sender));
	trace_delivered_to(&fields, slice_of(j->address));
	rest = buf_slice(&fields);
	while (slice_split(&rest, '\n', &line)) {
		buf_add_slice(out, slice_chomp(line));
		buf_add_text(out, line_end);
	}
	buf_fini(&fields);
}

struct agent_result
agent_done(void)
{
	return (struct agent_result){.outcome = OUTCOME_DELIVERED, .status = "2.0.0"};
}

struct agent_result
agent_temporary(const char *fmt, ...)
{
	struct agent_result r = {.outcome = OUTCOME_TEMPORARY, .status = "4.2.0"};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r.text, sizeof(r.text), fmt, ap);
	va_end(ap);
	return r;
}

struct agent_result
agent_permanent(const char *status, const char *fmt, ...)
{
	struct agent_result r = {.outcome = OUTCOME_PERMANENT};
	va_list ap;

	snprintf(r.status, sizeof(r.status), "%s", status);
	va_start(ap, fmt);
	vsnprintf(r.text, sizeof(r.text), fmt, ap);
	va_end(ap);
	return r;
}

static void
add_from_line(const struct agent_job *j, struct buf *out)
{
	time_t now = time(NULL);
	struct tm tm;
	char date[32];

	gmtime_r(&now, &tm);
	strftime(date, sizeof(date), "%a %b %e %H:%M:%S %Y", &tm);
	buf_printf(out, "From %s %s\n", j->sender[0] == '\0' ? "MAILER-DAEMON" : j->sender, date);
}

/* A line that an mbox reader would take for the next message's first gets a ">"
 * (mbox(5), mboxrd). */
static bool
needs_quote(struct slice line)
{
	while (line.len > 0 && line.data[0] == '>')
		line = slice_from(line, 1);
	return slice_has_prefix(line, SLICE("From "));
}

/* Appends the whole lines of in to out with LF ends; returns how many octets were taken. */
static size_t
convert(struct slice in, bool as_mbox, bool is_last, struct buf *out)
{
	size_t taken = 0;

	while (taken < in.len) {
		struct slice rest = slice_from(in, taken), line = rest;
		ptrdiff_t lf = slice_find(rest, '\n');

		if (lf < 0 && !is_last && rest.len < BLOCK / 2)
			break;
		if (lf >= 0)
			line = slice_sub(rest, 0, (size_t)lf);
		taken += line.len + (lf >= 0 ? 1 : 0);
		if (as_mbox && needs_quote(line))
			buf_add_char(out, '>');
		buf_add_slice(out, lf >= 0 ? slice_chomp(line) : line);
		if (lf >= 0 || is_last)
			buf_add_char(out, '\n');
	}
	return taken;
}

bool
agent_write(const struct agent_job *j, int fd, bool as_mbox)
{
	struct buf in = {0}, out = {0};
	char block[BLOCK];
	uint64_t at = 0;
	bool ok = true;

	if (as_mbox)
		add_from_line(j, &out);
	agent_job_trace(j, "\n", &out);
	while (ok && (at < j->size || in.len > 0)) {
		ssize_t n = agent_job_read(j, at, block, sizeof(block));

		if (n < 0) {
			ok = false;
			break;
		}
		at += (uint64_t)n;
		buf_add(&in, block, (size_t)n);
		buf_consume(&in, convert(buf_slice(&in), as_mbox, at >= j->size, &out));
		ok = whole_write(fd, buf_slice(&out));
		buf_clear(&out);
	}
	if (ok && as_mbox)
		buf_add_char(&out, '\n');
	ok = ok && whole_write(fd, buf_slice(&out));
	buf_fini(&in);
	buf_fini(&out);
	return ok;
}

bool
agent_sync_above(const char *path)
{
	char above[AGENT_PATH];
	const char *slash = strrchr(path, '/');

	snprintf(above, sizeof(above), "%.*s/", slash == NULL ? 0 : (int)(slash - path), path);
	return folder_sync(open(slash == NULL ? "." : above, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) ||
	       errno == EACCES;
}
