#include "smtpd/parent/pidlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	char path[1100];
	int fd;
} files[PIDLOCKS];
static int count;

/* By fcntl(2): the lock is this process's alone, no child of it can hold it beyond its end. */
static bool
lock(const char *path, int fd, struct error *why)
{
	struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_SETLK, &l) == 0)
		return true;
	if (errno != EACCES && errno != EAGAIN)
		return error_errno(why, "cannot lock %s", path);
	if (fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK)
		return error_set(why,
		    "a suite runs here already: process %ld has %s; smtpctl reload "
		    "gives it another configuration, smtpctl stop ends it",
		    (long)l.l_pid, path);
	return error_set(why, "a suite runs here already: it has %s", path);
}

/* The one that we lock may have been removed by its last owner, just before. */
static bool
is_still_there(const char *path, int fd)
{
	struct stat ours, theirs;

	return fstat(fd, &ours) == 0 && lstat(path, &theirs) == 0 && ours.st_ino == theirs.st_ino &&
	       ours.st_dev == theirs.st_dev;
}

static int
open_locked(const char *path, struct error *why)
{
	for (int tries = 0; tries < 10; tries++) {
		int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);

		if (fd < 0) {
			error_errno(why, "cannot open the pid file %s", path);
			return -1;
		}
		if (!lock(path, fd, why)) {
			close(fd);
			return -1;
		}
		if (is_still_there(path, fd))
			return fd;
		close(fd);
	}
	error_set(why, "the pid file %s does not stay", path);
	return -1;
}

bool
pidlock_take(const char *path, struct error *why)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid()), fd;

	for (int i = 0; i < count; i++) {
		if (strcmp(files[i].path, path) == 0)
			return true;
	}
	if (count == PIDLOCKS || strlen(path) >= sizeof(files[0].path))
		return error_set(why, "the pid file's path is too long: %s", path);
	fd = open_locked(path, why);
	if (fd < 0)
		return false;
	strlcpy(files[count].path, path, sizeof(files[count].path));
	files[count++].fd = fd;
	if (ftruncate(fd, 0) < 0 || fchmod(fd, 0644) < 0 || write(fd, text, (size_t)n) != n)
		return error_errno(why, "cannot write the pid file %s", path);
	return true;
}

void
pidlock_release(void)
{
	while (count > 0) {
		count--;
		unlink(files[count].path);
		close(files[count].fd);
	}
}
