/* A build without libseccomp: users, chroot, limits and Landlock are the walls. */
#include "common/sandbox/filter.h"

bool
filter_enter(unsigned may, unsigned *walls, struct error *e)
{
	(void)may;
	(void)walls;
	(void)e;
	return true;
}
