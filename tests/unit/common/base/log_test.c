#include "tests/unit/unit.h"

#include "common/base/buf.h"
#include "common/base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

UNIT_SUITE(log);

/* One line written by write_line, read back through a pipe. */
static void
captured(void (*write_line)(void), char *out, size_t size)
{
	int ends[2], keep = dup(STDERR_FILENO);
	ssize_t n;

	cr_assert_eq(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	write_line();
	dup2(keep, STDERR_FILENO);
	close(keep);
	close(ends[1]);
	n = read(ends[0], out, size - 1);
	out[n < 0 ? 0 : n] = '\0';
	close(ends[0]);
}

static void
hostile(void)
{
	struct log_context session = {.key = "session", .id = 1};

	log_event(&session, EV_connect, TEXT("helo", SLICE("x\r\ny: event=forged \"\xff")),
	    NUM("port", 25));
}

Test(log, a_client_cannot_forge_a_line)
{
	char line[512];

	log_init("listener", false, false);
	captured(hostile, line, sizeof(line));
	cr_assert_str_eq(line, "listener: event=connect session=0000000000001 "
			       "helo=\"x\\x0d\\x0ay: event=forged \\\"\\xff\" port=25\n");
}

static void
chatter(void)
{
	log_debug("never shown");
}

Test(log, debug_lines_need_verbose)
{
	char line[512];

	log_init("listener", false, false);
	captured(chatter, line, sizeof(line));
	cr_assert_str_eq(line, "");
}

/* Standard error is a pipe that does not block; gives the end to read from. */
static int
narrow_standard_error(void)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	return ends[0];
}

/* All that is in the pipe now, behind what was read before. */
static void
read_pipe(int fd, struct buf *out)
{
	ssize_t n;

	while ((n = read(fd, buf_room(out, 65536), 65536)) > 0)
		buf_grew(out, (size_t)n);
}

/* Many lines, until no more go out; then all of them are read from fd. */
static void
sleep_through(int fd)
{
	enum { LINES = 20000 };
	struct buf got = {0};
	struct slice rest, line;
	long next = 0, lost = 0;

	log_init("queue", false, false);
	log_gather();
	for (int i = 0; i < LINES; i++) {
		log_event(NULL, EV_warning, NUM("n", i), WORD("pad", "what makes the line a line"));
		log_flush();
	}
	cr_assert_not(log_flush(), "it is full");
	for (int i = 0; i < 100; i++) {
		read_pipe(fd, &got);
		log_flush();
	}
	read_pipe(fd, &got);
	cr_assert(log_flush());
	rest = buf_slice(&got);
	while (slice_split(&rest, '\n', &line)) {
		char text[128];
		long n;

		cr_assert(slice_copy(line, text, sizeof(text)));
		if (sscanf(text, "queue: event=log_lost lines=%ld", &lost) == 1)
			continue;
		cr_assert_eq(
		    sscanf(text, "queue: event=warning n=%ld pad=\"what", &n), 1, "%s", text);
		cr_assert_eq(text[strlen(text) - 1], '"', "the line is whole: %s", text);
		cr_assert_eq(n, next++, "lines come in order");
	}
	cr_assert_gt(lost, 0);
	cr_assert_eq(next + lost, LINES);
	cr_assert_eq(log_count(EV_warning), LINES, "what is lost is counted all the same");
	buf_fini(&got);
	close(fd);
}

Test(log, a_reader_that_sleeps_costs_lines_but_no_time)
{
	sleep_through(narrow_standard_error());
}

Test(log, a_logger_behind_a_socket_that_sleeps_does_so_too, .timeout = 60)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	sleep_through(ends[0]);
}

/* So much goes out at once as a pipe takes whole: the lines of others stand between whole ones. */
Test(log, no_line_goes_out_in_two_pieces)
{
	static char text[700], piece[64 * 1024];
	int ends[2], lines = 0;
	ssize_t n;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	log_init("queue", false, false);
	log_gather();
	memset(text, 'x', sizeof(text) - 1);
	for (int i = 0; i < 20; i++)
		log_event(NULL, EV_warning, WORD("text", text));
	for (int i = 0; i < 20 && !log_flush(); i++)
		;
	while ((n = recv(ends[0], piece, sizeof(piece), 0)) > 0) {
		cr_assert_eq(piece[n - 1], '\n');
		cr_assert_eq(strncmp(piece, "queue: ", 7), 0);
		for (ssize_t i = 0; i < n; i++)
			lines += piece[i] == '\n';
		log_flush();
	}
	cr_assert_eq(lines, 20);
	close(ends[0]);
}

/* Reads what stands in the way, and then the last line. */
static void *
read_to_the_last(void *arg)
{
	int fd = *(int *)arg;
	struct buf got = {0};

	usleep(20 * 1000);
	for (int i = 0; i < 5000 && slice_search(buf_slice(&got), SLICE("the last")) < 0; i++) {
		read_pipe(fd, &got);
		usleep(1000);
	}
	*(int *)arg = slice_search(buf_slice(&got), SLICE("the last")) < 0 ? -1 : 0;
	buf_fini(&got);
	return NULL;
}

Test(log, the_last_line_is_waited_for)
{
	int fd = narrow_standard_error(), found = fd;
	pthread_t reader;

	log_init("queue", false, false);
	while (write(STDERR_FILENO, "x", 1) == 1)
		;
	log_event(NULL, EV_warning, WORD("text", "the last"));
	cr_assert_eq(pthread_create(&reader, NULL, read_to_the_last, &found), 0);
	log_finish();
	pthread_join(reader, NULL);
	cr_assert_eq(found, 0);
	close(fd);
}

static char immense[5000];

static void
write_immense(void)
{
	log_event(NULL, EV_warning, TEXT("text", slice_of(immense)));
}

Test(log, a_value_is_cut)
{
	static char line[8000];

	log_init("queue", false, false);
	memset(immense, 'x', sizeof(immense) - 1);
	captured(write_immense, line, sizeof(line));
	cr_assert_eq(strlen(line), strlen("queue: event=warning text=\n") + 1024);
}

static char tapped[256];

static void
on_tap(struct slice line)
{
	cr_assert(slice_copy(line, tapped, sizeof(tapped)));
	log_debug("what the tap itself logs is not tapped");
}

static void
whisper(void)
{
	log_debug("a %s", "detail");
}

Test(log, a_tap_sees_what_the_log_does_not_show)
{
	char line[512];

	log_init("queue", false, false);
	log_tap(on_tap);
	cr_assert(log_is_verbose(), "whoever has details should tell them");
	captured(whisper, line, sizeof(line));
	log_tap(NULL);
	cr_assert_str_eq(line, "");
	cr_assert_str_eq(tapped, "queue: event=debug text=\"a detail\"");
	cr_assert_not(log_is_verbose());
}

static int told;

static void
on_count(void)
{
	told++;
}

Test(log, events_are_counted_and_found_by_name)
{
	char line[512];
	enum log_event event;

	log_init("queue", false, false);
	log_on_count(on_count);
	captured(hostile, line, sizeof(line));
	captured(chatter, line, sizeof(line));
	cr_assert_eq(log_count(EV_connect), 1);
	cr_assert_eq(told, 1, "debugging does not count");
	cr_assert(log_event_find(SLICE("accepted"), &event));
	cr_assert_eq(event, EV_accepted);
	cr_assert_not(log_event_find(SLICE("accept"), &event));
	cr_assert_not(log_event_find(SLICE(""), &event));
}
