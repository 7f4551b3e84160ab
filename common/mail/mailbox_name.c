#include "common/mail/mailbox_name.h"

#include "common/base/limits.h"

#include <string.h>

void
mailbox_name_fold(char *name, size_t len)
{
	if (slice_has_prefix_nocase(slice_make(name, len), SLICE("INBOX")) &&
	    (len == 5 || name[5] == '/'))
		memcpy(name, "INBOX", 5);
}

bool
mailbox_name_is_text(struct slice name)
{
	return name.len > 0 && !slice_has_control(name);
}

static bool
are_levels_valid(struct slice name)
{
	struct slice level;
	size_t depth = 0;

	while (slice_split(&name, '/', &level)) {
		if (level.len == 0 || slice_equal_text(level, ".") ||
		    slice_equal_text(level, "..") || ++depth > LIMIT_MAILBOX_DEPTH)
			return false;
	}
	return true;
}

bool
mailbox_name_is_valid(struct slice name)
{
	return mailbox_name_is_text(name) && name.len <= LIMIT_MAILBOX_NAME &&
	       name.data[name.len - 1] != '/' && slice_find(name, '*') < 0 &&
	       slice_find(name, '%') < 0 && are_levels_valid(name);
}
