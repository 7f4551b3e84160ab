#include "smtpd/parent/helper/user.h"

#include "common/base/limits.h"
#include "smtpd/parent/folder.h"
#include "smtpd/parent/suite.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { GROUPS = 1024 };

static char text[LIMIT_USER + 1], no_shell[] = "";
static struct passwd recipient; /* of a userbase: its words stand in text */

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

static bool
has_group(const struct passwd *pw, gid_t gid)
{
	gid_t groups[GROUPS];
	int count = GROUPS;

	if (getgrouplist(pw->pw_name, pw->pw_gid, groups, &count) < 0)
		return false;
	for (int i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

/* Whoever gave us the text could name the uid or the group of anybody. */
static bool
is_ordinary(uid_t uid, gid_t gid)
{
	const struct passwd *pw = getpwuid(uid);

	return uid != 0 && gid != 0 && pw != NULL && !is_ours(pw->pw_name) && has_group(pw, gid);
}

/* It becomes part of paths, which root opens. */
static bool
is_plain(const char *name)
{
	return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

static bool
take_id(char **rest, unsigned *id)
{
	const char *word = strsep(rest, ":");
	char *end;
	unsigned long value;

	if (word == NULL || word[0] < '0' || word[0] > '9')
		return false;
	value = strtoul(word, &end, 10);
	*id = (unsigned)value;
	return *end == '\0' && value < UINT32_MAX;
}

enum user_result
user_find_recipient(const char *given, const struct passwd **pw)
{
	char *rest = text, *name;
	unsigned uid, gid;

	if (strchr(given, ':') == NULL)
		return user_find(given, pw);
	if (strlcpy(text, given, sizeof(text)) >= sizeof(text))
		return USER_NONE;
	name = strsep(&rest, ":");
	if (!is_plain(name) || is_ours(name) || !take_id(&rest, &uid) || !take_id(&rest, &gid) ||
	    rest == NULL || rest[0] != '/' || !is_ordinary(uid, gid))
		return USER_NONE;
	recipient = (struct passwd){
	    .pw_name = name, .pw_uid = uid, .pw_gid = gid, .pw_dir = rest, .pw_shell = no_shell};
	*pw = &recipient;
	return USER_FOUND;
}

static bool
take_groups(const struct passwd *pw)
{
	return pw == &recipient ? setgroups(1, &pw->pw_gid) == 0
				: initgroups(pw->pw_name, pw->pw_gid) == 0;
}

bool
user_become(const struct passwd *pw)
{
	if (!suite.is_root)
		return true;
	return take_groups(pw) && setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == 0 &&
	       setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0 && setuid(0) != 0;
}
