#include "tests/unit/turns.h"
#include "tests/unit/unit.h"

#include "common/base/limits.h"
#include "smtpd/parent/helper/helper.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

UNIT_SUITE(helper);

enum { MOST = 200 };

static struct helper helpers[HELPER_KINDS][MOST];
static int ended;
static bool is_one_user; /* else each has its own */

static void
on_ended(void *owner, int status)
{
	ended++;
}

/* One that ends when it is killed. */
static bool
start(enum helper_kind kind, int i, int seconds)
{
	struct helper *h = &helpers[kind][i];
	char user[20];
	pid_t pid;

	snprintf(user, sizeof(user), "u%d", is_one_user ? 0 : i);
	*h = (struct helper){.kind = kind, .ended = on_ended, .owner = h};
	pid = helper_fork(h, slice_of(user), seconds);
	if (pid == 0) {
		alarm(60); /* should the test end before it */
		for (;;)
			pause();
	}
	return pid > 0;
}

static int
fill(enum helper_kind kind)
{
	int n = 0;

	while (n < MOST && start(kind, n, 60))
		n++;
	return n;
}

static void
see_off(struct helper *h)
{
	pid_t pid = h->pid;
	int status;

	helper_kill(h);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status));
	helper_on_exit(pid, status);
	cr_assert_eq(h->pid, 0);
}

Test(helper, each_kind_has_a_share_of_its_own)
{
	static const int shares[HELPER_KINDS] = {
	    [HELPER_CHECK] = LIMIT_CHECKS,
	    [HELPER_FORWARD] = LIMIT_FORWARDS,
	    [HELPER_AGENT] = LIMIT_AGENTS,
	};

	loop_init();
	for (int kind = 0; kind < HELPER_KINDS; kind++) {
		cr_assert_eq(fill((enum helper_kind)kind), shares[kind],
		    "those before it have all of theirs");
	}
	see_off(&helpers[HELPER_AGENT][0]);
	cr_assert_not(start(HELPER_CHECK, shares[HELPER_CHECK], 60), "the room is another's");
	cr_assert(start(HELPER_AGENT, 0, 60));
	cr_assert_not(start(HELPER_AGENT, shares[HELPER_AGENT], 60));
	for (int kind = 0; kind < HELPER_KINDS; kind++) {
		for (int i = 0; i < shares[kind]; i++)
			see_off(&helpers[kind][i]);
	}
	cr_assert_eq(ended, LIMIT_CHECKS + LIMIT_FORWARDS + LIMIT_AGENTS + 1);
	loop_fini();
}

Test(helper, a_user_has_a_share_of_each_kind)
{
	loop_init();
	is_one_user = true;
	cr_assert_eq(fill(HELPER_FORWARD), LIMIT_OF_USER);
	cr_assert_eq(fill(HELPER_AGENT), LIMIT_OF_USER, "those are another kind");
	is_one_user = false;
	cr_assert(start(HELPER_FORWARD, LIMIT_OF_USER, 60), "another user has his own");
	see_off(&helpers[HELPER_FORWARD][LIMIT_OF_USER]);
	for (int i = 0; i < LIMIT_OF_USER; i++) {
		see_off(&helpers[HELPER_FORWARD][i]);
		see_off(&helpers[HELPER_AGENT][i]);
	}
	loop_fini();
}

/* A file whose reading never ends must not keep its reader after the suite. */
Test(helper, nobody_asks_when_the_suite_ends)
{
	int status;

	loop_init();
	for (int kind = 0; kind < HELPER_KINDS; kind++)
		cr_assert(start((enum helper_kind)kind, 0, 60));
	helpers_end();
	for (int kind = HELPER_CHECK; kind <= HELPER_FORWARD; kind++) {
		pid_t pid = helpers[kind][0].pid;

		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert(WIFSIGNALED(status));
		helper_on_exit(pid, status);
	}
	cr_assert_eq(waitpid(helpers[HELPER_AGENT][0].pid, &status, WNOHANG), 0, "it delivers");
	see_off(&helpers[HELPER_AGENT][0]);
	loop_fini();
}

static int told;

static void
on_signal(void *owner)
{
	told++;
}

/* Whoever a helper becomes may send it signals. Its loop, and all that hangs on it, is the parent's. */
Test(helper, a_signal_is_its_own)
{
	struct helper *h = &helpers[HELPER_FORWARD][0];
	int ready[2], status;
	pid_t pid;
	char c;

	cr_assert_eq(pipe(ready), 0);
	loop_init();
	loop_on_signal(SIGTERM, on_signal, NULL);
	*h = (struct helper){.kind = HELPER_FORWARD, .ended = on_ended, .owner = h};
	pid = helper_fork(h, SLICE("u"), 60);
	if (pid == 0) {
		alarm(60);
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	cr_assert_eq(read(ready[0], &c, 1), 1);
	cr_assert_eq(kill(pid, SIGTERM), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status));
	cr_assert_eq(WTERMSIG(status), SIGTERM);
	helper_on_exit(pid, status);
	turns_for(5);
	cr_assert_eq(told, 0, "the parent was told");
	cr_assert_eq(kill(getpid(), SIGTERM), 0);
	turns_for(5);
	cr_assert_eq(told, 1);
	close(ready[0]);
	close(ready[1]);
	loop_fini();
}
