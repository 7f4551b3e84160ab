/*
 * Preloaded into every process of a suite under test: a disk that says yes to every sync and makes
 * none. A test that cuts the power must notice.
 */
#undef _FORTIFY_SOURCE

#include <unistd.h>

int
fsync(int fd)
{
	(void)fd;
	return 0;
}

int
fdatasync(int fd)
{
	(void)fd;
	return 0;
}
