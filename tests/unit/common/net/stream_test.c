#include "tests/unit/turns.h"
#include "tests/unit/unit.h"

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/net/loop.h"
#include "common/net/stream.h"

#include <errno.h>
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
		if (r != STREAM_OK && r != STREAM_BARE)
			line = SLICE("");
		buf_printf(&t.seen, "%c%.*s|", "O?BTFC"[r], SLICE_FMT(line));
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

static void
nothing(void *owner)
{
}

/* A session that has said its last word to a peer that still talks. */
static int
finished(const char *last)
{
	static char talk[64 * 1024];
	int ends[2];
	struct stream *s;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	s = stream_new(ends[0], nothing, NULL);
	cr_assert_eq(write(ends[1], talk, sizeof(talk)), (ssize_t)sizeof(talk));
	stream_printf(s, "%s", last);
	stream_finish(s);
	return ends[1];
}

Test(stream, the_last_word_reaches_a_peer_that_still_talks)
{
	char octets[64];
	int peer;

	loop_init();
	peer = finished("421 bye\r\n");
	turns_for(50);
	cr_assert_eq(read(peer, octets, sizeof(octets)), 9);
	cr_assert_eq(
	    read(peer, octets, sizeof(octets)), 0, "the end is a reset: %s", strerror(errno));
	cr_assert_eq(write(peer, "QUIT\r\n", 6), 6);
	close(peer);
	turns_for(50);
	loop_fini();
}

/* One that finishes with lines in hand that it does not want any more. */
static void
finish_at_a_line(void *owner)
{
	struct slice line;

	if (t.s == NULL || stream_line(t.s, 100, &line) != STREAM_OK)
		return;
	stream_printf(t.s, "bye");
	stream_finish(t.s);
	t.s = NULL;
}

Test(stream, what_a_finished_session_did_not_take_is_forgotten)
{
	char octets[64];
	int ends[2];

	memset(&t, 0, sizeof(t));
	loop_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	t.s = stream_new(ends[0], finish_at_a_line, NULL);
	finish_at_a_line(NULL);
	cr_assert_eq(write(ends[1], "QUIT\r\nmore\r\nand more\r\n", 22), 22);
	turns_for(50);
	cr_assert_eq(read(ends[1], octets, sizeof(octets)), 3);
	cr_assert_eq(write(ends[1], "and more\r\n", 10), 10);
	turns_for(50);
	close(ends[1]);
	turns_for(50);
	loop_fini();
}

Test(stream, a_peer_that_talks_for_ever_is_cut_off)
{
	static char talk[4096];
	size_t sent = 0;
	int peer;
	ssize_t n = 0;

	loop_init();
	peer = finished("421 bye\r\n");
	while (sent <= 2 * (size_t)LIMIT_LINGER_OCTETS) {
		n = send(peer, talk, sizeof(talk), MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			break;
		sent += n < 0 ? 0 : (size_t)n;
		if (n < 0)
			turns_for(1);
	}
	cr_assert_lt(n, 0);
	cr_assert_gt(sent, LIMIT_LINGER_OCTETS / 2);
	close(peer);
	loop_fini();
}

Test(stream, only_so_many_wait_for_their_peers)
{
	static int peers[LIMIT_LINGERING + 1];
	char octets[64];

	loop_init();
	for (size_t i = 0; i <= LIMIT_LINGERING; i++)
		peers[i] = finished("bye");
	turns_for(50);
	for (size_t i = 0; i <= LIMIT_LINGERING; i++) {
		cr_assert_eq(read(peers[i], octets, sizeof(octets)), 3);
		cr_assert_eq(read(peers[i], octets, sizeof(octets)), i < LIMIT_LINGERING ? 0 : -1);
		close(peers[i]);
	}
	turns_for(50);
	loop_fini();
}

/* A session that answers every line with a long one; its peer asks and asks, and reads at last. */
enum { ASKED = 20000, ANSWER = 1000, PATIENT_TURNS = 20 };

static struct {
	struct timer turn;
	size_t written, idle, answers, most, read;
} asking;

static void
answer(void *owner)
{
	static char text[ANSWER];
	struct slice line;

	memset(text, 'a', sizeof(text));
	while (stream_line(t.s, 10, &line) == STREAM_OK) {
		asking.answers++;
		stream_write(t.s, slice_make(text, sizeof(text)));
		if (stream_pending(t.s) > asking.most)
			asking.most = stream_pending(t.s);
	}
}

static void
on_turn(void *owner)
{
	char block[64 * 1024];
	size_t before = asking.written;
	ssize_t n;

	while (asking.written < ASKED && write(t.peer, "ask\r\n", 5) == 5)
		asking.written++;
	asking.idle = asking.written > before ? 0 : asking.idle + 1;
	if (asking.idle > PATIENT_TURNS) {
		while ((n = read(t.peer, block, sizeof(block))) > 0)
			asking.read += (size_t)n;
	}
	if (asking.read == (size_t)ASKED * ANSWER || asking.idle > 1000)
		loop_stop();
	else
		timer_start(&asking.turn, SPAN_MS(1));
}

Test(stream, who_reads_no_answers_is_asked_for_no_more_lines)
{
	int ends[2];

	memset(&t, 0, sizeof(t));
	loop_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
	t.peer = ends[1];
	t.s = stream_new(ends[0], answer, NULL);
	answer(NULL);
	timer_init(&asking.turn, on_turn, NULL);
	timer_start(&asking.turn, SPAN_MS(0));
	loop_run();
	cr_assert_leq(asking.most, STREAM_HIGH + ANSWER);
	cr_assert_eq(asking.answers, ASKED);
	cr_assert_eq(asking.read, (size_t)ASKED * ANSWER);
	close(t.peer);
	end();
}

static struct slice secret;
static char seen[16];

static void
take_secret(void *owner)
{
	struct slice next;

	if (stream_line(t.s, 20, &secret) != STREAM_OK)
		return;
	cr_slice_eq(secret, "secret");
	stream_wipe(t.s);
	memcpy(seen, secret.data, secret.len);
	cr_assert_eq(stream_line(t.s, 20, &next), STREAM_OK, "what was not taken is still there");
	cr_slice_eq(next, "next");
	loop_stop();
}

/* In one piece the line lies in the block that streams share, in two in a buffer of its own. */
Test(stream, a_secret_that_was_taken_is_wiped)
{
	static const char *const pieces[][2] = {
	    {"secret\r\nnext\r\n", ""}, {"sec", "ret\r\nnext\r\n"}};

	for (size_t i = 0; i < 2; i++) {
		int ends[2];

		memset(&t, 0, sizeof(t));
		memset(seen, 'x', sizeof(seen));
		loop_init();
		cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
		t.s = stream_new(ends[0], take_secret, NULL);
		take_secret(NULL);
		for (size_t k = 0; k < 2; k++) {
			size_t n = strlen(pieces[i][k]);

			cr_assert_eq(write(ends[1], pieces[i][k], n), (ssize_t)n);
			turns_for(20);
		}
		cr_assert_arr_eq(seen, "\0\0\0\0\0\0x", 7);
		close(ends[1]);
		end();
	}
}
