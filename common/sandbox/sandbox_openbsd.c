/*
 * OpenBSD: unveil the paths, lock the view, then pledge. A broken promise kills the process
 * and leaves a line in the system's log, which is the default there and ours too.
 */
#include "common/sandbox/sandbox.h"

#include <string.h>
#include <unistd.h>

enum { PROMISES = 128 };

static unsigned walls;

/* clang-format off */
static const struct {
	unsigned may;
	const char *promise;
} promises[] = {
	{MAY_ACCEPT | MAY_INET, " inet"},
	{MAY_UNIX,              " unix"},
	{MAY_READ,              " rpath"},
	{MAY_WRITE,             " wpath cpath fattr flock"},
	{MAY_ASK,               " tty"},
};
/* clang-format on */

static bool
unveil_all(const char *const *paths, const char *permissions, struct error *e)
{
	for (; paths != NULL && *paths != NULL; paths++)
		if (unveil(*paths, permissions) != 0)
			return error_errno(e, "cannot confine the process to %s", *paths);
	return true;
}

static bool
files_enter(unsigned may, const struct sandbox_paths *paths, struct error *e)
{
	/* One hidden root makes everything else invisible, even when no path is named. */
	if (unveil("/", "") != 0)
		return error_errno(e, "cannot hide the file system");
	if ((may & MAY_READ) != 0 && !unveil_all(paths->ro, "r", e))
		return false;
	if ((may & MAY_WRITE) != 0 && !unveil_all(paths->rw, "rwc", e))
		return false;
	if (unveil(NULL, NULL) != 0)
		return error_errno(e, "cannot lock the view of the file system");
	walls |= WALL_FILES;
	return true;
}

bool
sandbox_enter(enum sandbox_role role, const struct sandbox_paths *paths, struct error *e)
{
	unsigned may = sandbox_granted(role, paths);
	char text[PROMISES] = "stdio recvfd sendfd";

	if ((may & MAY_EVERYTHING) != 0)
		return true;
	for (size_t i = 0; i < sizeof(promises) / sizeof(promises[0]); i++)
		if ((may & promises[i].may) != 0)
			strlcat(text, promises[i].promise, sizeof(text));
	if (role == SANDBOX_LOOKUP)
		strlcat(text, " getpw", sizeof(text));

	if (!files_enter(may, paths, e))
		return false;
	if (pledge(text, NULL) != 0)
		return error_errno(e, "the kernel refused the promises \"%s\"", text);
	walls |= WALL_CALLS;
	return true;
}

unsigned
sandbox_walls(void)
{
	return walls;
}
