#include "smtpd/ctl/local.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

size_t
local_path_most(void)
{
	return sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
}

int
local_connect(const char *path)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd, why;

	if (strlcpy(un.sun_path, path, sizeof(un.sun_path)) >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0)
		return fd;
	why = errno;
	close(fd);
	errno = why;
	return -1;
}
