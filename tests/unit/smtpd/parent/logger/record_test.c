#include "tests/unit/turns.h"
#include "tests/unit/unit.h"

#include "common/net/loop.h"
#include "smtpd/parent/logger/record.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

UNIT_SUITE(record);

static char folder[] = "/tmp/kurir-record-XXXXXX", path[64];
static int logger = -1, resumed;

static void
start_logger(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	unlink(path);
	logger = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	cr_assert_eq(bind(logger, (struct sockaddr *)&un, sizeof(un)), 0);
}

static void
begin(void)
{
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	loop_init();
	record_open(path);
}

static void
end(void)
{
	record_close();
	loop_fini();
	close(logger);
	unlink(path);
	rmdir(folder);
	if (UNIT_LEAKED())
		abort();
}

/* The next datagram, without what changes with the time; "" when there is none. */
static const char *
next(char out[256])
{
	ssize_t n = recv(logger, out, 255, 0);

	out[n < 0 ? 0 : n] = '\0';
	return out;
}

TestSuite(record_run, .init = begin, .fini = end);

Test(record_run, a_line_is_as_syslog_writes_it)
{
	char got[256], month[4], process[32];
	int priority, day, hour, minute, second, pid;

	start_logger();
	record_line(LOG_LEVEL_WARNING, 77, SLICE("queue: event=warning text=x"));
	cr_assert_eq(sscanf(next(got), "<%d>%3s %d %d:%d:%d kurir[%d]: %31s event=warning",
			 &priority, month, &day, &hour, &minute, &second, &pid, process),
	    8, "%s", got);
	cr_assert_eq(priority, 2 << 3 | 4, "mail.warning");
	cr_assert_eq(pid, 77);
	cr_assert_str_eq(process, "queue:");
}

Test(record_run, a_logger_that_comes_late_gets_what_was_kept)
{
	char got[256];

	record_line(LOG_LEVEL_INFO, 1, SLICE("queue: event=delivered n=1"));
	start_logger();
	record_line(LOG_LEVEL_INFO, 1, SLICE("queue: event=delivered n=2"));
	turns_for(1500);
	cr_assert(strstr(next(got), "n=1") != NULL, "%s", got);
	cr_assert(strstr(next(got), "n=2") != NULL, "%s", got);
}

Test(record_run, one_that_is_restarted_is_found_at_once)
{
	char got[256];

	start_logger();
	record_line(LOG_LEVEL_INFO, 1, SLICE("queue: event=delivered n=1"));
	close(logger);
	start_logger();
	record_line(LOG_LEVEL_INFO, 1, SLICE("queue: event=delivered n=2"));
	cr_assert(strstr(next(got), "n=2") != NULL, "%s", got);
}

/* The first would stand before all others for ever. */
Test(record_run, a_line_too_long_for_the_logger_is_given_up)
{
	static char line[1024 * 1024];
	char got[256];

	start_logger();
	memset(line, 'x', sizeof(line));
	record_line(LOG_LEVEL_INFO, 1, slice_make(line, sizeof(line)));
	record_line(LOG_LEVEL_INFO, 1, SLICE("queue: event=delivered n=1"));
	cr_assert(strstr(next(got), "n=1") != NULL, "%s", got);
}

/* Makes room for the last line, and reads up to that. */
static void *
read_to_the_last(void *found)
{
	char got[256] = "";

	usleep(20 * 1000);
	for (int i = 0; i < 5000 && strstr(got, "the last") == NULL; i++) {
		if (next(got)[0] == '\0')
			usleep(1000);
	}
	*(bool *)found = strstr(got, "the last") != NULL;
	return NULL;
}

/* It says why everything ended. */
Test(record_run, what_waits_at_the_end_is_waited_for)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int other = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	bool found = false;
	pthread_t reader;

	start_logger();
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	cr_assert_eq(connect(other, (struct sockaddr *)&un, sizeof(un)), 0);
	while (send(other, "x", 1, 0) == 1)
		;
	close(other);
	record_line(LOG_LEVEL_INFO, 1, SLICE("smtpd: event=stopping why=\"the last\""));
	cr_assert_eq(pthread_create(&reader, NULL, read_to_the_last, &found), 0);
	record_close();
	pthread_join(reader, NULL);
	cr_assert(found);
	record_open(path);
}

static void
on_room(void)
{
	resumed++;
}

Test(record_run, one_that_is_stuck_costs_lines_but_no_time)
{
	enum { LINES = 30000 };
	long got = 0, lost = 0;
	char text[256];

	start_logger();
	record_on_room(on_room);
	for (int i = 0; i < LINES; i++)
		record_line(
		    LOG_LEVEL_INFO, 1, SLICE("queue: event=delivered, and what pads the line"));
	cr_assert(record_is_full());
	for (int i = 0; i < 5000 && record_is_full(); i++) {
		while (next(text)[0] != '\0')
			got++;
		turns_for(1);
	}
	cr_assert_eq(resumed, 1);
	for (int i = 0; i < 1000; i++) {
		record_line(LOG_LEVEL_INFO, 1, SLICE("queue: event=delivered, one more"));
		while (next(text)[0] != '\0') {
			const char *said = strstr(text, "smtpd: event=log_lost lines=");

			got += said == NULL;
			lost += said == NULL ? 0 : atol(strchr(strchr(said, '=') + 1, '=') + 1);
		}
		turns_for(1);
	}
	for (int i = 0; i < 3000 && got + lost < LINES + 1000; i++) {
		while (next(text)[0] != '\0')
			got++;
		turns_for(1);
	}
	cr_assert_gt(lost, 0);
	cr_assert_eq(got + lost, LINES + 1000, "got %ld, lost %ld", got, lost);
}
