/*
 * A whole IMAP session: lines and literals through every command. The first octet says whether the
 * client is logged in, and has a mailbox selected; the second, in what pieces its octets come. What
 * it hears does not depend on them, and is whole lines of text, each of a kind that IMAP knows.
 */
#include "imapd/session.h"

#include "common/base/mem.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_stream.h"

enum { MESSAGES = 20 };

struct imap_server imap_server; /* without neighbours; imapd/server.c is not linked */

static enum imap_level level;

void
imap_server_enter(int instance, uint32_t handle, struct imap_session *s)
{
}

void
imap_server_leave(int instance, uint32_t handle)
{
}

static struct imap_view *
make_view(void)
{
	struct imap_view *v = mem_zero(sizeof(*v));

	v->messages = mem_zero(MESSAGES * sizeof(*v->messages));
	for (size_t i = 0; i < MESSAGES; i++)
		v->messages[i] =
		    (struct imap_message){.uid = (uint32_t)(3 * i + 1), .flags = i % 32};
	v->count = v->capacity = v->told = MESSAGES;
	v->uidvalidity = 1;
	v->uidnext = 3 * MESSAGES + 1;
	return v;
}

static void
start(void)
{
	struct imap_session *s;

	imap_session_start(memory_service(SERVICE_IMAP), -1, &memory_peer);
	s = LIST_FIRST(&imap_server.sessions);
	s->level = level;
	if (level == IMAP_SELECTED)
		s->view = make_view();
}

/* Tagged lines, untagged ones, and what asks for more. */
static void
check_line(struct slice line, size_t *tagged)
{
	struct slice tag = {NULL, 0}, word = {NULL, 0};

	PROPERTY(line.len >= 3 && line.data[line.len - 1] == '\r');
	line.len--;
	PROPERTY(fuzz_is_printable(line));
	PROPERTY(slice_word(&line, &tag));
	if (slice_equal_text(tag, "+"))
		return;
	PROPERTY(slice_word(&line, &word));
	if (slice_equal_text(tag, "*"))
		return;
	PROPERTY(slice_equal_text(word, "OK") || slice_equal_text(word, "NO") ||
		 slice_equal_text(word, "BAD"));
	++*tagged;
}

static void
check_said(struct slice said, struct slice input)
{
	size_t lines = 0, tagged = 0, byes = 0;
	struct slice line;

	while (slice_split(&input, '\n', &line))
		lines++;
	PROPERTY(said.len > 0 && said.data[said.len - 1] == '\n');
	while (slice_split(&said, '\n', &line)) {
		check_line(line, &tagged);
		PROPERTY(byes == 0 || !slice_has_prefix(line, SLICE("* BYE")));
		byes += slice_has_prefix(line, SLICE("* BYE"));
	}
	PROPERTY(tagged <= lines);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum imap_level levels[] = {
	    IMAP_NOT_AUTHENTICATED, IMAP_AUTHENTICATED, IMAP_SELECTED, IMAP_SELECTED};
	struct slice in = fuzz_slice(data, size);
	unsigned which = fuzz_octet(&in);
	size_t piece = 1 + fuzz_octet(&in) % 64;
	struct buf whole = {0}, pieces = {0};

	level = levels[which % 4];
	memory_stream_run(start, in, in.len, &whole);
	check_said(buf_slice(&whole), in);
	memory_stream_run(start, in, piece, &pieces);
	PROPERTY(slice_equal(buf_slice(&whole), buf_slice(&pieces)));
	buf_fini(&whole);
	buf_fini(&pieces);
	return 0;
}
