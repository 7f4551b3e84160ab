#include "tests/unit/unit.h"

#include "common/base/whole.h"
#include "smtpd/ctl/local.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

UNIT_SUITE(local);

Test(local, says_why_nobody_is_there)
{
	char path[256];

	memset(path, 'x', sizeof(path));
	path[local_path_most() + 1] = '\0';
	cr_assert_eq(local_connect(path), -1);
	cr_assert_eq(errno, ENAMETOOLONG);
	path[local_path_most()] = '\0';
	cr_assert_eq(local_connect(path), -1);
	cr_assert_eq(errno, ENOENT);
}

Test(local, reaches_who_listens)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	char folder[] = "/tmp/kurir-local-XXXXXX", heard[8] = "";
	int door = socket(AF_UNIX, SOCK_STREAM, 0), fd, guest;

	cr_assert_not_null(mkdtemp(folder));
	snprintf(un.sun_path, sizeof(un.sun_path), "%s/door", folder);
	cr_assert_eq(bind(door, (struct sockaddr *)&un, sizeof(un)), 0);
	cr_assert_eq(local_connect(un.sun_path), -1);
	cr_assert_eq(errno, ECONNREFUSED);
	cr_assert_eq(listen(door, 1), 0);
	fd = local_connect(un.sun_path);
	cr_assert_geq(fd, 0);
	guest = accept(door, NULL, NULL);
	cr_assert(whole_send(fd, SLICE("hello")));
	cr_assert_eq(read(guest, heard, sizeof(heard)), 5);
	cr_assert_str_eq(heard, "hello");
	close(guest);
	cr_assert_not(whole_send(fd, SLICE("anybody?")));
	close(fd);
	close(door);
	unlink(un.sun_path);
	rmdir(folder);
}
