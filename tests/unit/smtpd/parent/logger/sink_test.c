#include "tests/unit/unit.h"

#include "common/base/log.h"
#include "common/net/loop.h"
#include "smtpd/parent/logger/record.h"
#include "smtpd/parent/logger/sink.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { A_SECOND = 4 * 1024 * 1024, LINE = 1024, TURN_MS = 10, TURNS = 6000 };

/* In the place of record.c's: what would go to the system's log. */
void __wrap_record_open(const char *path);
void __wrap_record_close(void);
void __wrap_record_line(enum log_level level, pid_t pid, struct slice line);
bool __wrap_record_is_full(void);

static char last[2 * LINE];
static size_t octets;
static pid_t last_pid;

void
__wrap_record_open(const char *path)
{
}

void
__wrap_record_close(void)
{
}

void
__wrap_record_line(enum log_level level, pid_t pid, struct slice line)
{
	octets += line.len + 1;
	last_pid = pid;
	slice_copy(slice_sub(line, 0, sizeof(last) - 1), last, sizeof(last));
}

bool
__wrap_record_is_full(void)
{
	return false;
}

static void
begin(void)
{
	loop_init();
	log_init("smtpd", false, false);
	sink_begin();
}

static void
end(void)
{
	sink_end();
	loop_fini();
	if (UNIT_LEAKED())
		abort();
}

static void
on_time(void *owner)
{
	loop_stop();
}

static void
turn(void)
{
	struct timer t;

	timer_init(&t, on_time, NULL);
	timer_start(&t, SPAN_MS(TURN_MS));
	loop_run();
	timer_stop(&t);
}

TestSuite(sink, .init = begin, .fini = end);

Test(sink, the_last_words_of_a_process_are_heard)
{
	static const char words[] = "queue: event=error text=a\nqueue: event=error text=b";
	int fd;
	struct sink *s = sink_new("queue", &fd);

	cr_assert_not_null(s);
	sink_set_pid(s, 77);
	cr_assert_eq(write(fd, words, strlen(words)), (ssize_t)strlen(words));
	close(fd);
	sink_close(s);
	cr_assert_str_eq(last, "queue: event=error text=b", "half a line too");
	cr_assert_eq(octets, sizeof(words));
	cr_assert_eq(last_pid, 77);
}

/* So many lines as a process that is out of its mind. */
static _Noreturn void
flood(int fd, size_t lines)
{
	char line[LINE];

	alarm(100); /* should the test end before it */
	memset(line, 'x', sizeof(line));
	line[LINE - 1] = '\n';
	memcpy(line, "queue: ", 7);
	while (lines > 0) {
		struct pollfd p = {.fd = fd, .events = POLLOUT};

		poll(&p, 1, -1);
		lines -= write(fd, line, sizeof(line)) == LINE; /* of a pipe's page, whole or not */
	}
	_exit(0);
}

/* Its neighbours have their turn, and it gets its own again. */
Test(sink, one_that_floods_is_read_slowly_and_to_its_end, .timeout = 120)
{
	size_t lines = 3 * (A_SECOND / LINE) + 1000;
	struct moment begun = loop_now();
	struct sink *s;
	pid_t pid;
	int fd;

	s = sink_new("queue", &fd);
	pid = fork();
	if (pid == 0)
		flood(fd, lines);
	close(fd);
	for (int i = 0; i < TURNS && octets < lines * LINE; i++)
		turn();
	cr_assert_eq(octets, lines * LINE);
	cr_assert_geq(moment_between(begun, loop_now()).ms, 2000);
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	sink_close(s);
}

/* What it says would be in its own memory, and end with it. */
Test(sink, a_helper_that_was_forked_is_heard)
{
	pid_t pid = fork();

	if (pid == 0) {
		log_error("from the helper");
		log_flush();
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < TURNS && octets == 0; i++)
		turn();
	cr_assert_not_null(strstr(last, "from the helper"), "%s", last);
}
