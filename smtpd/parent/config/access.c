#include "smtpd/parent/config/access.h"

#include "common/sandbox/privdrop.h"
#include "common/sandbox/sandbox.h"
#include "smtpd/parent/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH = 1024, SENTENCE = 800 };

/* What the trying process writes: which table it was, and why. */
struct obstacle {
	size_t table;
	char text[SENTENCE];
};

/* The user that lookup runs as, and the name of its group. */
struct reader {
	char user[64], group[64];
	uid_t uid;
	gid_t gid;
};

static bool
find_reader(struct reader *r)
{
	const struct passwd *pw;
	const struct group *gr;

	snprintf(r->user, sizeof(r->user), "%s%s", FOLDER_USERS, sandbox_user(SANDBOX_LOOKUP));
	pw = getpwnam(r->user);
	gr = pw == NULL ? NULL : getgrgid(pw->pw_gid);
	if (pw == NULL)
		return false; /* the start says so, and what to do */
	r->uid = pw->pw_uid;
	r->gid = pw->pw_gid;
	snprintf(r->group, sizeof(r->group), "%s", gr == NULL ? r->user : gr->gr_name);
	return true;
}

/* The first folder above the file that may not be gone through; false: they all may. */
static bool
find_closed_folder(const char *path, char folder[PATH])
{
	for (const char *slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		snprintf(folder, PATH, "%.*s", (int)(slash - path), path);
		if (access(folder, X_OK) != 0)
			return true;
	}
	return false;
}

static bool
can_read(const struct reader *r, const char *path, char why[SENTENCE])
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC), code = errno;
	char folder[PATH];

	if (fd >= 0) {
		close(fd);
		return true;
	}
	if (code != EACCES)
		snprintf(why, SENTENCE, "cannot read %.300s: %s", path, strerror(code));
	else if (find_closed_folder(path, folder))
		snprintf(why, SENTENCE,
		    "lookup runs as %s and may not enter the folder "
		    "%.250s; chmod o+x %.250s, or move the file",
		    r->user, folder, folder);
	else
		snprintf(why, SENTENCE,
		    "lookup runs as %s and may not read %.200s; "
		    "chgrp %s %.200s && chmod g+r %.200s",
		    r->user, path, r->group, path, path);
	return false;
}

/* In the process of its own. It ends with 0 when every file opens. */
static _Noreturn void
try_all(const struct reader *r, const struct conf *c, int out)
{
	struct obstacle found = {0};

	handlers_drop();
	if (setgroups(1, &r->gid) != 0 || setresgid(r->gid, r->gid, r->gid) != 0 ||
	    setresuid(r->uid, r->uid, r->uid) != 0)
		_exit(0); /* the start of lookup tells better */
	for (size_t i = 0; i < c->table_count; i++) {
		const struct slice path = c->tables[i].table.path;

		found.table = i;
		if (path.len == 0 || can_read(r, path.data, found.text))
			continue;
		_exit(write(out, &found, sizeof(found)) == sizeof(found) ? 1 : 0);
	}
	_exit(0);
}

static bool
has_files(const struct conf *c)
{
	for (size_t i = 0; i < c->table_count; i++) {
		if (c->tables[i].table.path.len > 0)
			return true;
	}
	return false;
}

bool
access_tables(struct draft *d)
{
	struct obstacle found = {0};
	struct reader r;
	bool is_told;
	int ends[2];
	pid_t pid;

	if (geteuid() != 0 || !has_files(d->conf) || !find_reader(&r))
		return true;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_errno(d->why, "cannot make a pipe");
	pid = fork();
	if (pid == 0)
		try_all(&r, d->conf, ends[1]);
	close(ends[1]);
	is_told = read(ends[0], &found, sizeof(found)) == sizeof(found);
	close(ends[0]);
	if (pid < 0)
		return error_errno(d->why, "cannot try the tables' files");
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return !is_told || draft_fail(d, places_of(&d->tables, found.table), "table \"%s\": %s",
			       d->conf->tables[found.table].table.name.data, found.text);
}
