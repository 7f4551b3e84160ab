#include "common/base/whole.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* One write of as much as is taken; 0 is an error too. */
static bool
is_taken(ssize_t n, struct slice *octets)
{
	if (n < 0)
		return errno == EINTR;
	if (n == 0)
		errno = EIO;
	*octets = slice_from(*octets, (size_t)n);
	return n > 0;
}

bool
whole_write(int fd, struct slice octets)
{
	while (octets.len > 0) {
		if (!is_taken(write(fd, octets.data, octets.len), &octets))
			return false;
	}
	return true;
}

bool
whole_send(int fd, struct slice octets)
{
	while (octets.len > 0) {
		if (!is_taken(send(fd, octets.data, octets.len, MSG_NOSIGNAL), &octets))
			return false;
	}
	return true;
}
