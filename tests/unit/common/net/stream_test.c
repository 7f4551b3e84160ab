#include "tests/unit/unit.h"

#include "common/base/buf.h"
#include "common/net/loop.h"
#include "common/net/stream.h"

#include <sys/socket.h>
#include <unistd.h>

UNIT_SUITE(stream);

/* A session that writes down what its lines were, one letter for the result before each. */
static struct {
	struct stream *s;
	int peer;
	struct buf seen;
	size_t max;
} t;

static void
step(void *owner)
{
	for (;;) {
		struct slice line = {0};
		enum stream_result r = stream_line(t.s, t.max, &line);

		if (r == STREAM_AGAIN)
			return;
		buf_printf(&t.seen, "%c%.*s|", "O?BTFC"[r], r == STREAM_OK || r == STREAM_BARE ? SLICE_FMT(line) : 0, "");
		if (r == STREAM_FLOOD || r == STREAM_CLOSED) {
			loop_stop();
			return;
		}
	}
}

static void
run(const char *octets, size_t len, size_t piece)
{
	int ends[2];

	memset(&t, 0, sizeof(t));
	t.max = 10;
	loop_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	t.peer = ends[1];
	t.s = stream_new(ends[0], step, NULL);
	step(NULL);
	for (size_t at = 0; at < len; at += piece) {
		size_t n = len - at < piece ? len - at : piece;

		cr_assert_eq(write(t.peer, octets + at, n), (ssize_t)n);
	}
	close(t.peer);
	loop_run();
}

static void
end(void)
{
	stream_close(t.s);
	buf_fini(&t.seen);
	loop_fini();
}

Test(stream, lines_end_in_crlf_and_bare_lf_is_told)
{
	static const char input[] = "one\r\ntwo\nth\rree\r\n\r\nlast";

	for (size_t piece = 1; piece < sizeof(input); piece++) {
		run(input, sizeof(input) - 1, piece);
		cr_slice_eq(buf_slice(&t.seen), "Oone|Btwo|Oth\rree|O|C|");
		end();
	}
}

Test(stream, a_long_line_is_one_event_and_the_next_is_in_step)
{
	run("0123456789\r\n01234567890\r\nok\r\n", 29, 29);
	cr_slice_eq(buf_slice(&t.seen), "O0123456789|T|Ook|C|");
	end();
}

Test(stream, a_line_without_end_is_a_flood)
{
	static char flood[200 * 1024];

	memset(flood, 'x', sizeof(flood));
	run(flood, sizeof(flood) / 2, sizeof(flood));
	cr_slice_eq(buf_slice(&t.seen), "F|");
	end();
}
