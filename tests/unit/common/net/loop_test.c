#include "tests/unit/unit.h"

#include "common/net/loop.h"

#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

UNIT_SUITE(loop);

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
on_ready(void *owner, int events)
{
	loop_stop();
}

Test(loop, it_ends_though_an_owner_left_a_readable_descriptor_open)
{
	double start = seconds();
	struct io *io;
	int ends[2];

	loop_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	io = io_new(ends[0], on_ready, NULL);
	io_want(io, IO_READ);
	close(ends[1]); /* readable for ever */
	loop_run();
	loop_fini();
	cr_assert_lt(seconds() - start, 2.0);
	free(io);
	close(ends[0]);
}

static int done;

static void
sleep_long(void *arg)
{
	pause();
}

static void
sleep_short(void *arg)
{
	usleep(100 * 1000);
}

static void
on_done(void *arg)
{
	done++;
}

Test(loop, work_that_has_begun_is_waited_for)
{
	loop_init();
	work_start(sleep_short, on_done, NULL);
	loop_fini();
	cr_assert_eq(done, 1);
}

/* The process gives up on the work, and says so with its exit code. */
Test(loop, work_that_never_ends_does_not_hold_the_end_up, .exit_code = 1, .timeout = 20)
{
	loop_init();
	work_start(sleep_long, on_done, NULL);
	loop_fini();
}
