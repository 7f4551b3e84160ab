#include "common/base/title.h"

#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <unistd.h>

void
title_set(int argc, char **argv, const char *title)
{
	char *end = argv[0] + strlen(argv[0]);

	setproctitle_init(argc, argv, environ);
	setproctitle("%s", title);
	/* libbsd leaves a dot behind our path, which ps(1) shows when arguments follow. */
	if (argc > 1 && *end == '.')
		*end = '\0';
#ifdef __linux__ /* who was started by a descriptor has its number for a name */
	prctl(PR_SET_NAME, title);
#endif
}
