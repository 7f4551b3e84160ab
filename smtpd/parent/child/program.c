#include "smtpd/parent/child/program.h"

#include "common/ipc/channel.h"
#include "smtpd/parent/suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

void
program_run(const char *folder, char **argv, int line, char path[PROGRAM_PATH])
{
	if (suite.build_root != NULL)
		snprintf(path, PROGRAM_PATH, "%s/%s/%s", suite.build_root, folder, argv[0]);
	else
		snprintf(path, PROGRAM_PATH, KURIR_LIBEXEC "/%s", argv[0]);
	if (dup2(line, CHANNEL_PARENT) < 0 || fcntl(CHANNEL_PARENT, F_SETFD, 0) < 0)
		return;
	closefrom(CHANNEL_PARENT + 1);
	argv[0] = path;
	execv(path, argv);
}
