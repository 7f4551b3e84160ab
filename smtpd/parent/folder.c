#include "smtpd/parent/folder.h"

#include "common/base/folder.h"
#include "common/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A folder that is there already is taken only if it is the owner's, or root's and empty: whoever
 * mistypes a path must not lose a folder of the system to us.
 */
static bool
may_take(int fd, const char *path, const char *owner, uid_t uid, struct error *why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_errno(why, "cannot look at %s", path);
	if (st.st_uid != uid && (st.st_uid != 0 || !folder_is_empty(openat(fd, ".",
						       O_RDONLY | O_DIRECTORY | O_CLOEXEC))))
		return error_set(why,
		    "%s is there, does not belong to %s and is not an empty folder of root's: name "
		    "a folder that the suite may have for itself",
		    path, owner);
	if (uid == 0 && (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return error_set(why, "%s may be written by others than root", path);
	return true;
}

/* As an ordinary user everything is his own. */
static bool
find_owner(enum sandbox_role role, char name[64], uid_t *uid, gid_t *gid, struct error *why)
{
	const char *ending = sandbox_user(role);
	const struct passwd *pw;

	*uid = geteuid();
	*gid = getegid();
	snprintf(name, 64, "uid %u", (unsigned)*uid);
	if (*uid != 0 || role == SANDBOX_PARENT)
		return true;
	snprintf(name, 64, "%s%s", FOLDER_USERS, ending == NULL ? "" : ending);
	pw = getpwnam(name);
	if (pw == NULL)
		return error_set(why,
		    "there is no user %s; make the users of the processes with: sh etc/dev/users",
		    name);
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return true;
}

static bool
make_folder(struct slice path, enum sandbox_role role, mode_t mode, struct error *why)
{
	char owner[64];
	uid_t uid;
	gid_t gid;
	bool is_new, ok;
	int fd;

	if (!find_owner(role, owner, &uid, &gid, why))
		return false;
	is_new = mkdir(path.data, mode) == 0;
	if (!is_new && errno == ENOENT)
		return error_set(why,
		    "cannot make the folder %s: what it lies in is not there; make that, or name "
		    "another folder in smtpd.conf",
		    path.data);
	if (!is_new && errno != EEXIST)
		return error_errno(why, "cannot make the folder %s", path.data);
	fd = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_errno(why, "cannot use the folder %s", path.data);
	ok = is_new || may_take(fd, path.data, owner, uid, why);
	if (ok && (is_new || uid != 0) && (fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0))
		ok = error_errno(why, "cannot give %s to %s", path.data, owner);
	close(fd);
	return ok;
}

bool
folder_make_run(const struct conf_global *g, struct error *why)
{
	return make_folder(g->run_path, SANDBOX_PARENT, 0755, why);
}

bool
folder_make_all(const struct conf_global *g, struct error *why)
{
	char empty[1100], accounts[1100];
	char *slash;

	snprintf(empty, sizeof(empty), "%s/empty", g->run_path.data);
	snprintf(accounts, sizeof(accounts), "%s", g->accounts_path.data);
	slash = strrchr(accounts, '/');
	if (slash == NULL || slash == accounts)
		return error_set(why, "accounts path \"%s\" must lie in a folder of its own",
		    g->accounts_path.data);
	*slash = '\0';
	return make_folder(slice_of(empty), SANDBOX_PARENT, 0755, why) &&
	       make_folder(g->queue_path, SANDBOX_QUEUE, 0700, why) &&
	       make_folder(g->mail_path, SANDBOX_MAILBOX, 0700, why) &&
	       make_folder(slice_of(accounts), SANDBOX_LOOKUP, 0700, why);
}
