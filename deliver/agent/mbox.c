/*
 * mbox: appended under fcntl(2) and dot locks, synced, and cut back to its old length when
 * anything fails half-way. All as the recipient; links are not followed. Both locks are taken, so
 * a lock file that is taken for left behind, and is not, does no harm to mail.
 */
#include "deliver/agent/job.h"

#include "common/base/limits.h"
#include "common/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_PART = 10 }; /* of a job's time, that it waits for a lock */

/* Removes a lock file whose owner died: none of ours is held that long. */
static void
drop_stale_lock(const char *lock)
{
	struct stat st;

	if (lstat(lock, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_mtime + LIMIT_LOCK_SECONDS < time(NULL) && unlink(lock) == 0)
		log_warning(
		    "%s was more than %d seconds old, and is removed", lock, LIMIT_LOCK_SECONDS);
}

/* A folder that the recipient may not write in (as /var/mail often is) leaves fcntl alone. */
static bool
dot_lock(const char *path, unsigned seconds, char lock[AGENT_PATH])
{
	snprintf(lock, AGENT_PATH, "%.1100s.lock", path);
	for (unsigned i = 0; i < seconds; i++) {
		int fd = open(lock, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

		if (fd >= 0) {
			close(fd);
			return true;
		}
		if (errno != EEXIST) {
			lock[0] = '\0';
			return true;
		}
		drop_stale_lock(lock);
		sleep(1);
	}
	lock[0] = '\0';
	return false;
}

static bool
file_lock(int fd, unsigned seconds)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	for (unsigned i = 0; i < seconds; i++) {
		if (fcntl(fd, F_SETLK, &lock) == 0)
			return true;
		sleep(1);
	}
	return false;
}

static bool
is_right_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	       st.st_uid == geteuid();
}

/* Where the message is to begin: what a writer left that died half-way is closed by an
 * empty line. */
static bool
close_last(int fd, off_t end)
{
	char last[2] = "\n\n";
	size_t have = end < 2 ? (size_t)end : 2;

	if (have > 0 && pread(fd, last + 2 - have, have, end - (off_t)have) != (ssize_t)have)
		return false;
	if (last[1] != '\n')
		return write(fd, "\n\n", 2) == 2;
	return last[0] == '\n' || write(fd, "\n", 1) == 1;
}

static struct agent_result
append(const struct agent_job *j, int fd, const char *path)
{
	off_t end;

	if (!is_right_file(fd))
		return agent_temporary("%s is not a plain file of %s's own", path, j->user);
	if (!file_lock(fd, j->seconds / LOCK_PART))
		return agent_temporary("%s is locked by another program", path);
	end = lseek(fd, 0, SEEK_END);
	if (end < 0)
		return agent_temporary("cannot seek in %s: %s", path, strerror(errno));
	if (!close_last(fd, end) || !agent_write(j, fd, true) || fsync(fd) < 0 ||
	    (end == 0 && !agent_sync_above(path))) {
		int code = errno;

		if (ftruncate(fd, end) < 0)
			return agent_temporary(
			    "cannot cut %s back after a failed write: %s", path, strerror(errno));
		return agent_temporary("cannot write %s: %s", path, strerror(code));
	}
	return agent_done();
}

struct agent_result
agent_mbox(const struct agent_job *j, const char *path)
{
	char lock[AGENT_PATH];
	struct agent_result result;
	int fd;

	if (!dot_lock(path, j->seconds / LOCK_PART, lock))
		return agent_temporary("%s is locked by another program", path);
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0) {
		result = agent_temporary("cannot open %s: %s", path, strerror(errno));
	} else {
		result = append(j, fd, path);
		close(fd);
	}
	if (lock[0] != '\0')
		unlink(lock);
	return result;
}
