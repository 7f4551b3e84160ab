#include "smtpd/parent/user.h"

#include "smtpd/parent/folder.h"
#include "smtpd/parent/suite.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <unistd.h>

static bool
is_ours(const char *name)
{
	return suite.is_root && strncmp(name, FOLDER_USERS, strlen(FOLDER_USERS)) == 0;
}

enum user_result
user_find(const char *name, const struct passwd **pw)
{
	if (is_ours(name))
		return USER_NONE;
	errno = 0;
	*pw = getpwnam(name);
	if (*pw == NULL)
		return errno == 0 || errno == ENOENT || errno == ESRCH ? USER_NONE : USER_TEMPORARY;
	return (*pw)->pw_uid == 0 ? USER_NONE : USER_FOUND;
}

bool
user_become(const struct passwd *pw)
{
	if (!suite.is_root)
		return true;
	return initgroups(pw->pw_name, pw->pw_gid) == 0 &&
	       setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == 0 &&
	       setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0 && setuid(0) != 0;
}
