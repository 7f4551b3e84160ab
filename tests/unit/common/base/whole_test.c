#include "tests/unit/unit.h"

#include "common/base/whole.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

enum { SIZE = 100000, ROOM = 60000 };

UNIT_SUITE(whole);

Test(whole, write_is_all_or_says_so)
{
	static char octets[SIZE];
	FILE *f = tmpfile();
	struct rlimit limit = {ROOM, SIZE};
	struct stat st;

	cr_assert(whole_write(fileno(f), slice_make(octets, SIZE)));
	cr_assert_eq(fstat(fileno(f), &st), 0);
	cr_assert_eq(st.st_size, SIZE);
	cr_assert(whole_write(-1, SLICE("")));
	cr_assert_not(whole_write(-1, SLICE("x")));
	cr_assert_eq(errno, EBADF);
	fclose(f);

	/* The first write takes half of it, and the next nothing. */
	f = tmpfile();
	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	cr_assert_not(whole_write(fileno(f), slice_make(octets, SIZE)));
	cr_assert_eq(errno, EFBIG);
	cr_assert_eq(fstat(fileno(f), &st), 0);
	cr_assert_eq(st.st_size, ROOM);
	limit.rlim_cur = SIZE;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	fclose(f);
}
