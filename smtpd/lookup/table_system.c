/*
 * getpwnam: the system's users. Their passwords are not here: the parent checks those
 * (authenticate.c).
 */
#include "smtpd/lookup/table.h"

#include <errno.h>
#include <pwd.h>

enum { RECORD = 16 * 1024 };

static enum table_result
find(const struct table *t, enum table_service service, struct slice key, struct buf *value)
{
	char name[LIMIT_SYSTEM_USER + 1], room[RECORD];
	struct passwd record, *found = NULL;
	int code;

	if (key.len == 0 || !slice_copy(key, name, sizeof(name)))
		return TABLE_NONE;
	code = getpwnam_r(name, &record, room, sizeof(room), &found);
	if (found == NULL)
		return code == 0 || code == ENOENT || code == ESRCH ? TABLE_NONE : TABLE_TEMPORARY;
	if (service == TABLE_USERINFO && value != NULL)
		buf_printf(value, "%u:%u:%s", (unsigned)found->pw_uid, (unsigned)found->pw_gid,
		    found->pw_dir);
	return TABLE_FOUND;
}

const struct table_backend table_system = {.find = find};
