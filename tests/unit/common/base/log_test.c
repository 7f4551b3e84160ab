#include "tests/unit/unit.h"

#include "common/base/log.h"

#include <fcntl.h>
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

	log_event(&session, EV_connect, TEXT("helo", SLICE("x\r\ny: event=forged \"\xff")), NUM("port", 25));
}

Test(log, a_client_cannot_forge_a_line)
{
	char line[512];

	log_init("listener", false, false);
	captured(hostile, line, sizeof(line));
	cr_assert_str_eq(line,
	    "listener: event=connect session=0000000000001 "
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
