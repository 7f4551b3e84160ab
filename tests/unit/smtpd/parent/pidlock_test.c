#include "tests/unit/unit.h"

#include "smtpd/parent/pidlock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

UNIT_SUITE(pidlock);

static char folder[] = "/tmp/kurir-pidlock-XXXXXX", path[64];

static void
begin(void)
{
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/smtpd.pid", folder);
}

/* Whether another process gets it now; what it is told goes to *why. */
static bool
another_takes(struct error *why)
{
	int ends[2], status;
	pid_t pid;

	cr_assert_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		char other[64]; /* what this process took before the fork is not looked at */
		bool ok;

		snprintf(other, sizeof(other), "%s//smtpd.pid", folder);
		ok = pidlock_take(other, why);
		_exit(write(ends[1], why, sizeof(*why)) == sizeof(*why) && ok ? 0 : 1);
	}
	cr_assert_eq(read(ends[0], why, sizeof(*why)), sizeof(*why));
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	close(ends[0]);
	close(ends[1]);
	return status == 0;
}

Test(pidlock, a_second_suite_is_told_the_pid_of_the_first)
{
	struct error why = {""};
	char pid[32];

	begin();
	cr_assert(pidlock_take(path, &why), "%s", why.text);
	snprintf(pid, sizeof(pid), "process %d", (int)getpid());
	cr_assert_not(another_takes(&why));
	cr_assert(strstr(why.text, pid) != NULL, "%s", why.text);
	cr_assert(pidlock_take(path, &why), "its own it may take again");
	pidlock_release();
	cr_assert_neq(access(path, F_OK), 0);
	rmdir(folder);
}

Test(pidlock, the_file_of_one_that_crashed_is_taken_over)
{
	struct error why = {""};
	char text[32] = "";
	int fd;

	begin();
	cr_assert(another_takes(&why), "%s", why.text);
	cr_assert_eq(access(path, F_OK), 0, "it ended without removing it");
	cr_assert(pidlock_take(path, &why), "%s", why.text);
	fd = open(path, O_RDONLY);
	cr_assert_gt(read(fd, text, sizeof(text) - 1), 0);
	close(fd);
	cr_assert_eq(atoi(text), getpid());
	pidlock_release();
	rmdir(folder);
}

Test(pidlock, a_link_is_not_followed)
{
	struct error why = {""};

	begin();
	cr_assert_eq(symlink("/tmp/elsewhere", path), 0);
	cr_assert_not(pidlock_take(path, &why));
	unlink(path);
	rmdir(folder);
}
