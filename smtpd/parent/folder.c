#include "smtpd/parent/folder.h"

#include "common/sandbox/sandbox.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool
make_folder(struct slice path, enum sandbox_role owner, mode_t mode, struct error *why)
{
	char name[64];
	const char *ending = sandbox_user(owner);
	struct passwd *pw;

	if (mkdir(path.data, mode) < 0 && errno != EEXIST)
		return error_errno(why, "cannot make the folder %s", path.data);
	if (geteuid() != 0 || owner == SANDBOX_PARENT)
		return chmod(path.data, mode) == 0 ||
		       error_errno(why, "cannot set the mode of %s", path.data);
	snprintf(name, sizeof(name), "%s%s", FOLDER_USERS, ending == NULL ? "" : ending);
	pw = getpwnam(name);
	if (pw == NULL)
		return error_set(why,
		    "there is no user %s; make the users of the processes with: sh etc/dev/users",
		    name);
	if (chown(path.data, pw->pw_uid, pw->pw_gid) < 0 || chmod(path.data, mode) < 0)
		return error_errno(why, "cannot give %s to %s", path.data, name);
	return true;
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
