#include "common/base/whole.h"

#include <errno.h>
#include <unistd.h>

bool
whole_write(int fd, struct slice octets)
{
	while (octets.len > 0) {
		ssize_t n = write(fd, octets.data, octets.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return false;
		octets = slice_from(octets, (size_t)n);
	}
	return true;
}
