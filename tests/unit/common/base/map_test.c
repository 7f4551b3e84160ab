#include "tests/unit/unit.h"

#include "common/base/map.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 300000 };

UNIT_SUITE(map);

Test(map, of_a_file_that_was_cut_is_not_looked_at)
{
	FILE *f = tmpfile();
	int fd = fileno(f);
	struct slice map = {.len = SIZE};
	void *octets;

	cr_assert_eq(ftruncate(fd, SIZE), 0);
	octets = mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, fd, 0);
	cr_assert_neq(octets, MAP_FAILED);
	map.data = octets;
	cr_assert(map_is_readable(map));
	cr_assert(map_is_readable(SLICE("")));
#ifdef MADV_POPULATE_READ
	cr_assert_eq(ftruncate(fd, SIZE / 2), 0);
	cr_assert_not(map_is_readable(map));
#endif
	munmap(octets, SIZE);
	fclose(f);
}
