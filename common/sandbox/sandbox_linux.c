/*
 * Linux: no new privileges, no look into our memory, then Landlock and seccomp. Landlock
 * comes first because the filter forbids the calls that it needs.
 */
#include "common/sandbox/sandbox.h"

#include "common/sandbox/filter.h"
#include "common/sandbox/landlock.h"
#include "common/sandbox/sanitized.h"

#include <sys/prctl.h>

static unsigned walls;

bool
sandbox_enter(enum sandbox_role role, const struct sandbox_paths *paths, struct error *e)
{
	unsigned may = sandbox_granted(role, paths);

	/* The leak check of a sanitized build attaches to itself, which this would forbid. */
	if (!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return error_errno(e, "cannot keep debuggers out of the process");
	if ((may & MAY_EVERYTHING) != 0)
		return true;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return error_errno(e, "cannot renounce new privileges");
	return landlock_enter(may, paths, &walls, e) && filter_enter(may, &walls, e);
}

unsigned
sandbox_walls(void)
{
	return walls;
}
