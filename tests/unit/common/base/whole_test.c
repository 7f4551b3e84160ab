#include "tests/unit/unit.h"

#include "common/base/whole.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

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

static volatile sig_atomic_t interruptions;

static void
on_alarm(int signal)
{
	interruptions++;
}

/* Takes its time to begin, so that the writer waits and is woken for nothing. */
static _Noreturn void
read_late(int fd)
{
	static char octets[SIZE];
	size_t sum = 0;
	ssize_t n;

	usleep(200 * 1000);
	while ((n = read(fd, octets, sizeof(octets))) > 0)
		sum += (size_t)n;
	_exit(sum == 10 * SIZE ? 0 : 1);
}

Test(whole, an_interruption_is_no_failure)
{
	static char octets[10 * SIZE];
	struct sigaction action = {.sa_handler = on_alarm};
	struct itimerval often = {{0, 5000}, {0, 5000}}, never = {{0, 0}, {0, 0}};
	int ends[2], status;
	pid_t reader;

	cr_assert_eq(pipe(ends), 0);
	reader = fork();
	if (reader == 0) {
		close(ends[1]);
		read_late(ends[0]);
	}
	close(ends[0]);
	cr_assert_eq(sigaction(SIGALRM, &action, NULL), 0);
	cr_assert_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	cr_assert(whole_write(ends[1], slice_make(octets, sizeof(octets))));
	cr_assert_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
	close(ends[1]);
	cr_assert_gt(interruptions, 1);
	while (waitpid(reader, &status, 0) < 0)
		;
	cr_assert_eq(status, 0);
}

Test(whole, send_is_all_or_says_so_without_a_signal)
{
	char octets[64] = "what the other side is to have", got[sizeof(octets)];
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	cr_assert(whole_send(ends[0], slice_make(octets, sizeof(octets))));
	cr_assert_eq(recv(ends[1], got, sizeof(got), MSG_WAITALL), sizeof(got));
	cr_assert_eq(memcmp(got, octets, sizeof(got)), 0);
	cr_assert(whole_send(-1, SLICE("")));
	close(ends[1]);
	cr_assert_not(whole_send(ends[0], SLICE("x")));
	cr_assert_eq(errno, EPIPE);
	close(ends[0]);
}
