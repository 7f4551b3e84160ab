#include "smtpd/parent/child/program.h"

#include "common/ipc/channel.h"
#include "smtpd/parent/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PROGRAMS_MOST = 16, HELD = CHANNEL_PARENT + 1 };

static struct {
	char path[PROGRAM_PATH];
	int fd;
} held[PROGRAMS_MOST];

static size_t held_count;

static void
place(const char *folder, const char *name, char path[PROGRAM_PATH])
{
	if (suite.build_root != NULL)
		snprintf(path, PROGRAM_PATH, "%s/%s/%s", suite.build_root, folder, name);
	else
		snprintf(path, PROGRAM_PATH, KURIR_LIBEXEC "/%s", name);
}

void
program_hold(const char *folder, const char *name)
{
	char path[PROGRAM_PATH];
	int fd;

	place(folder, name, path);
	fd = held_count < PROGRAMS_MOST ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return;
	memcpy(held[held_count].path, path, sizeof(path));
	held[held_count++].fd = fd;
}

/* Where the line does not go; -1: it is not held. */
static int
find(const char *path)
{
	for (size_t i = 0; i < held_count; i++) {
		if (strcmp(held[i].path, path) == 0)
			return fcntl(held[i].fd, F_DUPFD_CLOEXEC, HELD);
	}
	return -1;
}

void
program_run(const char *folder, char **argv, int line, char path[PROGRAM_PATH])
{
	int program;

	place(folder, argv[0], path);
	program = find(path);
	if (dup2(line, CHANNEL_PARENT) < 0 || fcntl(CHANNEL_PARENT, F_SETFD, 0) < 0)
		return;
	argv[0] = path;
#ifndef __OpenBSD__ /* which has no such call */
	if (program >= 0 && dup2(program, HELD) == HELD && fcntl(HELD, F_SETFD, FD_CLOEXEC) == 0) {
		closefrom(HELD + 1);
		fexecve(HELD, argv, environ);
	}
#endif
	/* It is not held, or a script, which its interpreter opens by its name. */
	closefrom(CHANNEL_PARENT + 1);
	execv(path, argv);
}
