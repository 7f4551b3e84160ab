#include "tests/unit/unit.h"

#include "common/base/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

UNIT_SUITE(folder);

static int
open_folder(const char *path)
{
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool
is_closed(int fd)
{
	return fcntl(fd, F_GETFD) < 0 && errno == EBADF;
}

Test(folder, sync_closes_and_keeps_why_not)
{
	int ends[2], fd = open_folder("/tmp");

	cr_assert(folder_sync(fd));
	cr_assert(is_closed(fd));
	cr_assert_not(folder_sync(open_folder("/tmp/no such folder")));
	cr_assert_eq(errno, ENOENT);
	cr_assert_eq(pipe(ends), 0);
	cr_assert_not(folder_sync(ends[0]));
	cr_assert_eq(errno, EINVAL);
	cr_assert(is_closed(ends[0]));
	close(ends[1]);
}

Test(folder, is_empty_until_something_is_in_it)
{
	char path[] = "/tmp/kurir-folder-XXXXXX", file[sizeof(path) + 8];
	int fd;

	cr_assert_not_null(mkdtemp(path));
	fd = open_folder(path);
	cr_assert(folder_is_empty(fd));
	cr_assert(is_closed(fd));
	snprintf(file, sizeof(file), "%s/.hidden", path);
	close(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	cr_assert_not(folder_is_empty(open_folder(path)));
	unlink(file);
	cr_assert(folder_is_empty(open_folder(path)));
	rmdir(path);
}

Test(folder, what_cannot_be_read_is_not_empty)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	cr_assert_not(folder_is_empty(fd));
	cr_assert(is_closed(fd));
	cr_assert_not(folder_is_empty(-1));
}
