#include "tests/unit/unit.h"

#include "common/net/loop.h"

#include <semaphore.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MANY = 10 };

UNIT_SUITE(loop);

static void
on_ready(void *owner, int events)
{
	loop_stop();
}

/* Else it gives up after a while, and says so with its exit code. */
Test(loop, it_ends_though_an_owner_left_a_readable_descriptor_open)
{
	struct io *io;
	int ends[2];

	loop_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	io = io_new(ends[0], on_ready, NULL);
	io_want(io, IO_READ);
	close(ends[1]); /* readable for ever */
	loop_run();
	loop_fini();
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

static sem_t gate;
static int passed;

static void
wait_at_gate(void *arg)
{
	while (sem_wait(&gate) < 0)
		continue;
}

static void
on_passed(void *arg)
{
	if (++passed == MANY)
		loop_stop();
}

static void
open_gate(void *arg)
{
	for (int i = 0; i < MANY; i++)
		sem_post(&gate);
}

static void
nothing(void *arg)
{
}

/* The short one is done while all the long ones wait for it; and then they all are, in the end. */
Test(loop, long_work_leaves_room_for_short, .timeout = 30)
{
	passed = 0;
	sem_init(&gate, 0, 0);
	loop_init();
	for (int i = 0; i < MANY; i++)
		work_start_long(wait_at_gate, on_passed, NULL);
	work_start(nothing, open_gate, NULL);
	loop_run();
	loop_fini();
	cr_assert_eq(passed, MANY);
	sem_destroy(&gate);
}

/* The process gives up on the work, and says so with its exit code. */
Test(loop, work_that_never_ends_does_not_hold_the_end_up, .exit_code = 1, .timeout = 20)
{
	loop_init();
	work_start(sleep_long, on_done, NULL);
	loop_fini();
}

static struct {
	int fd, times;
	char seen[16];
} heard;

static void
on_heard(void *owner, int events)
{
	ssize_t n = recv(heard.fd, heard.seen, 1, 0);

	heard.times++;
	if (n <= 0 || heard.times == 10)
		loop_stop();
}

static void
on_late(void *owner)
{
	loop_stop();
}

/* A peer that dies with unread octets of ours leaves an error behind what it had said. */
Test(loop, who_died_is_heard_out_and_then_found_dead, .timeout = 60)
{
	struct timer late;
	struct io *io;
	int ends[2];

	loop_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	heard.fd = ends[0];
	io = io_new(ends[0], on_heard, NULL);
	io_want(io, IO_READ);
	cr_assert_eq(write(ends[0], "unread", 6), 6);
	cr_assert_eq(write(ends[1], "said", 4), 4);
	close(ends[1]);
	timer_init(&late, on_late, NULL);
	timer_start(&late, SPAN_SECONDS(30));
	loop_run();
	cr_assert_eq(heard.times, 5, "four octets and the end");
	timer_stop(&late);
	io_close(io);
	loop_fini();
	close(ends[0]);
}

static struct {
	struct timer slice;
	struct task other;
	int slices;
} walk;

static void
on_other(void *owner)
{
	loop_stop();
}

static void
on_slice(void *owner)
{
	if (++walk.slices < 1000)
		timer_start(&walk.slice, SPAN_MS(0));
}

Test(loop, a_timer_that_starts_itself_at_once_lets_others_have_their_turn)
{
	loop_init();
	timer_init(&walk.slice, on_slice, NULL);
	timer_start(&walk.slice, SPAN_MS(0));
	task_init(&walk.other, on_other, NULL);
	task_queue(&walk.other);
	loop_run();
	task_queue(&walk.other);
	loop_run();
	cr_assert_lt(walk.slices, 1000);
	timer_stop(&walk.slice);
	loop_fini();
}
