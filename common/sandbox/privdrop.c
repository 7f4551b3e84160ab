/*
 * Invariants, each with a test:
 * 1. After success no call brings root back, and no group but the user's own is left.
 * 2. A chroot belongs to root, no one else can write it, and no descriptor leads out of it.
 * 3. Nothing is dumped into a core file.
 */
#include "common/sandbox/privdrop.h"

#include "common/base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
limit(int what, const char *name, rlim_t most, struct error *e)
{
	struct rlimit now;

	if (getrlimit(what, &now) != 0)
		return error_errno(e, "cannot read the limit of %s", name);
	if (most > now.rlim_max)
		most = now.rlim_max;
	if (setrlimit(what, &(struct rlimit){most, most}) != 0)
		return error_errno(e, "cannot set the limit of %s", name);
	return true;
}

static bool
limits(const struct privdrop *p, bool ordinary, struct error *e)
{
	rlim_t files = p->files == 0 ? RLIM_INFINITY : p->files;

	/* An ordinary user's other programs count too, so there the tasks stay as they are. */
	if (p->tasks != 0 && !ordinary && !limit(RLIMIT_NPROC, "processes", p->tasks, e))
		return false;
	return limit(RLIMIT_NOFILE, "open files", files, e) &&
	       limit(RLIMIT_CORE, "core dumps", 0, e);
}

static bool
root_check(const struct privdrop *p, int fd, struct error *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return error_errno(e, "cannot examine the folder %s", p->root);
	if (st.st_uid != 0)
		return error_set(e, "%s must belong to root: chown root %s", p->root, p->root);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return error_set(e, "only root may write to %s: chmod go-w %s", p->root, p->root);
	if (p->root_empty && !folder_is_empty(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)))
		return error_set(
		    e, "%s must be empty: a process without files is locked into it", p->root);
	return true;
}

/* Works on one descriptor throughout: what was checked is what becomes the root. */
static bool
root_change(const struct privdrop *p, struct error *e)
{
	int fd = open(p->root, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool ok = false;

	if (fd < 0)
		return error_errno(e, "cannot open the folder %s", p->root);
	if (root_check(p, fd, e)) {
		ok = fchdir(fd) == 0 && chroot(".") == 0;
		if (!ok)
			error_errno(e, "cannot make %s the root", p->root);
	}
	close(fd);
	return ok;
}

static bool
is_dropped(uid_t uid, gid_t gid)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid, group = 0;

	if (getresuid(&ruid, &euid, &suid) != 0 || getresgid(&rgid, &egid, &sgid) != 0)
		return false;
	if (ruid != uid || euid != uid || suid != uid)
		return false;
	if (rgid != gid || egid != gid || sgid != gid)
		return false;
	if (getgroups(1, &group) != 1 || group != gid)
		return false;
	return setuid(0) != 0 && seteuid(0) != 0 && setgid(0) != 0 && setegid(0) != 0;
}

bool
privdrop_become(uid_t uid, gid_t gid, struct error *e)
{
	if (uid == 0 || gid == 0)
		return error_set(e, "will not run as root: give the process a user of its own");
	if (setgroups(1, &gid) != 0)
		return error_errno(e, "cannot give up the supplementary groups");
	if (setresgid(gid, gid, gid) != 0)
		return error_errno(e, "cannot become group %lu", (unsigned long)gid);
	if (setresuid(uid, uid, uid) != 0)
		return error_errno(e, "cannot become user %lu", (unsigned long)uid);
	if (!is_dropped(uid, gid))
		return error_set(e, "root's privileges are still there after giving them up");
	return true;
}

bool
privdrop(const struct privdrop *p, struct error *e)
{
	bool ordinary = geteuid() != 0;
	const struct passwd *pw = NULL;

	if (p->ordinary != NULL)
		*p->ordinary = ordinary;

	/* The user database is out of reach once the root has changed. */
	if (!ordinary && p->user != NULL) {
		errno = 0;
		pw = getpwnam(p->user);
		if (pw == NULL && errno != 0)
			return error_errno(e, "cannot look up the user %s", p->user);
		if (pw == NULL)
			return error_set(e,
			    "there is no user %s: create it, with no password and no shell",
			    p->user);
	}
	if (!limits(p, ordinary, e))
		return false;
	if (!ordinary && p->root != NULL && !root_change(p, e))
		return false;
	if (chdir("/") != 0)
		return error_errno(e, "cannot enter the root folder");
	if (pw != NULL && !privdrop_become(pw->pw_uid, pw->pw_gid, e))
		return false;
	umask(S_IRWXG | S_IRWXO);
	return true;
}

bool
privdrop_bound_files(uint64_t octets, struct error *e)
{
	struct stat log;

	if (fstat(STDERR_FILENO, &log) == 0 && S_ISREG(log.st_mode))
		return true;
	signal(SIGXFSZ, SIG_IGN);
	return limit(RLIMIT_FSIZE, "the size of files", (rlim_t)octets, e);
}

bool
privdrop_raise_bound(pid_t pid, uint64_t octets)
{
#ifdef __linux__
	struct rlimit both = {octets, octets}, is;

	if (prlimit(pid, RLIMIT_FSIZE, NULL, &is) == 0 && is.rlim_cur >= octets)
		return true;
	return prlimit(pid, RLIMIT_FSIZE, &both, NULL) == 0;
#else
	return false; /* nobody can do that there */
#endif
}

void
descriptors_close_from(int lowest)
{
	closefrom(lowest);
}

void
handlers_drop(void)
{
	for (int number = 1; number < NSIG; number++) {
		struct sigaction is;

		if (sigaction(number, NULL, &is) == 0 && is.sa_handler != SIG_IGN)
			signal(number, SIG_DFL);
	}
}
