/*
 * A whole POP3 session: each line through every command. The first octet says whether the maildrop
 * is open; the second, in what pieces the client's octets come. What it hears does not depend on
 * them, and is one reply a line, or a list that ends in a dot.
 */
#include "pop3d/session.h"

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_stream.h"

enum { MESSAGES = 8 };

struct pop3_server pop3_server; /* without neighbours; pop3d/server.c is not linked */

static bool is_open;

static void
start(void)
{
	struct pop3_session *s;

	pop3_session_start(memory_service(SERVICE_POP3), -1, &memory_peer);
	if (!is_open)
		return;
	s = LIST_FIRST(&pop3_server.sessions);
	pop3_move(s, POP3_LOGIN_ASK);
	pop3_move(s, POP3_OPEN_ASK);
	for (uint32_t uid = 1; uid <= MESSAGES; uid++)
		pop3_drop_add(&s->drop, 3 * uid);
	for (uint32_t uid = 1; uid <= MESSAGES; uid++)
		pop3_drop_size(&s->drop, 3 * uid, 1000 + uid);
	pop3_move(s, POP3_TRANSACTION);
}

static void
check_said(struct slice said, struct slice input)
{
	size_t lines = 0, replies = 0;
	struct slice line;

	while (slice_split(&input, '\n', &line))
		lines++;
	PROPERTY(said.len > 0 && said.data[said.len - 1] == '\n');
	while (slice_split(&said, '\n', &line)) {
		PROPERTY(line.len > 0 && line.len <= 511 && line.data[line.len - 1] == '\r');
		line.len--;
		PROPERTY(fuzz_is_printable(line));
		replies +=
		    slice_has_prefix(line, SLICE("+OK ")) || slice_has_prefix(line, SLICE("-ERR "));
	}
	PROPERTY(replies >= 1 && replies <= lines + 2); /* with a greeting, and a last word */
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	struct buf whole = {0}, pieces = {0};
	size_t piece;

	is_open = fuzz_octet(&in) % 2 != 0;
	piece = 1 + fuzz_octet(&in) % 64;
	memory_stream_run(start, in, in.len, &whole);
	check_said(buf_slice(&whole), in);
	memory_stream_run(start, in, piece, &pieces);
	PROPERTY(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
	buf_fini(&whole);
	buf_fini(&pieces);
	return 0;
}
