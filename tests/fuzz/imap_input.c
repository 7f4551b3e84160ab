/* Lines and literals of an IMAP client, whole and in pieces, until the end or the client's fall. */
#include "tests/fuzz/fuzz.h"

#include "imapd/input.h"

static const struct imap_input_limits limits = {
    .lines = 1024, .literal = 256, .literals = 512, .skipped = 1024};

/* A command is no longer than what was sent and what is allowed. */
static void
check(const struct imap_input *in, size_t sent)
{
	PROPERTY(in->command.len <= sent);
	PROPERTY(in->command.len <= limits.lines + limits.literals);
	PROPERTY((in->flaw == NULL) == (in->code == NULL));
	PROPERTY(!in->is_skipping || in->flaw != NULL);
	PROPERTY(in->flaw != NULL || slice_find(buf_slice(&in->command), '\0') < 0);
}

static void
take_literal(struct imap_input *in, struct slice *rest, size_t piece)
{
	while (in->wanted > 0 && rest->len > 0) {
		uint64_t wanted = in->wanted;
		size_t taken = imap_input_octets(in, slice_sub(*rest, 0, piece));

		PROPERTY(taken > 0 && in->wanted == wanted - taken);
		*rest = slice_from(*rest, taken);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = fuzz_slice(data, size), line;
	size_t piece = 1 + fuzz_octet(&rest) % 16;
	const char *begin = rest.data;
	size_t missing = 0;
	struct imap_input in = {0};

	while (slice_split(&rest, '\n', &line)) {
		enum imap_input_next next;

		if (line.len > 0 && line.data[line.len - 1] == '\r')
			line.len--;
		else
			missing++; /* an octet that a line of the stream would have */
		next = imap_input_line(&in, line, &limits);
		check(&in, (size_t)(line.data + line.len - begin) + 2 + missing);
		if (next == IMAP_INPUT_ASK || next == IMAP_INPUT_OCTETS) {
			take_literal(&in, &rest, piece);
			check(&in, (size_t)(rest.data - begin) + 2 + missing);
			if (in.wanted == 0)
				continue;
		}
		if (next == IMAP_INPUT_REFUSE)
			PROPERTY(in.flaw != NULL && in.is_sync);
		imap_input_reset(&in);
		PROPERTY(in.command.data == NULL);
		begin = rest.data;
		missing = 0;
		if (next == IMAP_INPUT_BYE)
			break;
	}
	imap_input_reset(&in);
	return 0;
}
