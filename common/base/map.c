#include "common/base/map.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

bool
map_is_readable(struct slice map)
{
#ifdef MADV_POPULATE_READ
	void *octets = (void *)(uintptr_t)map.data;

	/* Any other error says nothing of the file. */
	return map.len == 0 || madvise(octets, map.len, MADV_POPULATE_READ) == 0 || errno != EFAULT;
#else
	return true;
#endif
}
