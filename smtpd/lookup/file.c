#include "smtpd/lookup/file.h"

#include "common/base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 64 * 1024 };

static bool
read_whole(int fd, const char *path, size_t most, struct buf *out, struct error *why)
{
	for (;;) {
		char *room = buf_room(out, BLOCK);
		ssize_t n = read(fd, room, BLOCK);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(why, "cannot read %s", path);
		if (n == 0)
			break;
		buf_grew(out, (size_t)n);
		if (out->len > most)
			return error_set(why, "%s is larger than %zu octets", path, most);
	}
	if (slice_find(buf_slice(out), '\0') >= 0)
		return error_set(why, "%s holds a NUL; it must be text", path);
	return true;
}

static bool
is_fit(const struct stat *st, const char *path, bool trusted, struct error *why)
{
	if (!S_ISREG(st->st_mode))
		return error_set(why, "%s is not a file", path);
	if (trusted && ((st->st_uid != 0 && st->st_uid != geteuid()) ||
			   (st->st_mode & (S_IWGRP | S_IWOTH)) != 0))
		return error_set(
		    why, "%s can be changed by others than root; use chown root, chmod go-w", path);
	return true;
}

static bool
read_file(const char *path, size_t most, bool trusted, struct buf *out, struct error *why)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	bool ok;

	if (fd < 0)
		return error_errno(why, "cannot open %s", path);
	ok = fstat(fd, &st) == 0 || error_errno(why, "cannot look at %s", path);
	ok = ok && is_fit(&st, path, trusted, why) && read_whole(fd, path, most, out, why);
	close(fd);
	return ok;
}

bool
file_read(const char *path, size_t most, struct buf *out, struct error *why)
{
	return read_file(path, most, false, out, why);
}

bool
file_read_trusted(const char *path, size_t most, struct buf *out, struct error *why)
{
	return read_file(path, most, true, out, why);
}

static struct slice
without_end(struct slice line)
{
	while (line.len > 0 && (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == ' ' ||
				   line.data[line.len - 1] == '\t'))
		line.len--;
	return line;
}

bool
file_lines(struct slice text, bool (*take)(void *owner, struct slice line, struct error *why),
    void *owner, const char *path, struct error *why)
{
	struct error what = {""};
	struct slice line;
	unsigned number = 0;

	while (slice_split(&text, '\n', &line)) {
		number++;
		if (line.len > LIMIT_TABLE_LINE)
			return error_set(why, "%s:%u: the line is longer than %d octets", path,
			    number, LIMIT_TABLE_LINE);
		if (!take(owner, without_end(line), &what))
			return error_set(why, "%s:%u: %.400s", path, number, what.text);
	}
	return true;
}
