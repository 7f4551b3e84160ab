#include "imapd/input.h"

#include <string.h>

enum line_end { END_PLAIN, END_LITERAL, END_BROKEN };

/* Whether a line leaves a quoted string open: then a literal's announcement in it is none. */
static bool
is_quote_open(struct slice line)
{
	bool open = false;

	for (size_t i = 0; i < line.len; i++) {
		if (line.data[i] == '"')
			open = !open;
		else if (line.data[i] == '\\' && open)
			i++;
	}
	return open;
}

static bool
has_stray(struct slice octets)
{
	return slice_find(octets, '\0') >= 0 || slice_find(octets, '\r') >= 0;
}

/* Looks for {n} or {n+} at the end. A number that is too large for anyone counts as broken. */
static enum line_end
line_end(struct slice line, uint64_t *n, bool *is_sync)
{
	ptrdiff_t open;
	struct slice number;

	*is_sync = true;
	if (line.len == 0 || line.data[line.len - 1] != '}')
		return END_PLAIN;
	open = slice_find_last(line, '{');
	if (open < 0)
		return END_PLAIN;
	number = slice_sub(line, (size_t)open + 1, line.len - (size_t)open - 2);
	if (number.len > 0 && number.data[number.len - 1] == '+') {
		*is_sync = false;
		number.len--;
	}
	if (number.len == 0)
		return END_PLAIN;
	for (size_t i = 0; i < number.len; i++) {
		if (number.data[i] < '0' || number.data[i] > '9')
			return END_PLAIN;
	}
	return slice_number(number, UINT32_MAX, n) ? END_LITERAL : END_BROKEN;
}

void
imap_input_spoil(struct imap_input *in, const char *code, const char *flaw)
{
	if (in->flaw != NULL)
		return;
	in->flaw = flaw;
	in->code = code;
	in->is_skipping = in->wanted > 0;
}

/* A literal is announced: take it, throw it away, or have it not sent. */
static enum imap_input_next
begin_literal(struct imap_input *in, uint64_t n, const struct imap_input_limits *limits)
{
	if (n > limits->literal || in->literals + n > limits->literals)
		imap_input_spoil(in, "[TOOBIG] ", "the literal is too large");
	if (in->flaw != NULL && in->is_sync)
		return IMAP_INPUT_REFUSE;
	if (in->flaw != NULL && n > limits->skipped)
		return IMAP_INPUT_BYE;
	in->is_skipping = in->flaw != NULL;
	in->wanted = n;
	in->literals += (size_t)n;
	if (!in->is_skipping)
		buf_add(&in->command, "\r\n", 2);
	/* Even what is thrown away has an end: literals without one are as bad as a
	 * line without. */
	if (in->is_skipping && in->literals > limits->literals + limits->skipped)
		return IMAP_INPUT_BYE;
	return in->is_sync ? IMAP_INPUT_ASK : IMAP_INPUT_OCTETS;
}

enum imap_input_next
imap_input_line(struct imap_input *in, struct slice line, const struct imap_input_limits *limits)
{
	uint64_t n = 0;
	enum line_end end = line_end(line, &n, &in->is_sync);

	in->command.is_secret = true; /* a password may be in it */
	in->lines += line.len + 2;
	if (in->lines > limits->lines)
		return IMAP_INPUT_BYE;
	if (has_stray(line))
		imap_input_spoil(in, "", "a command has no NUL and no bare CR");
	if (is_quote_open(line)) {
		imap_input_spoil(in, "", "a quoted string ends on its line");
		/* Did the client mean a literal? Nobody can know what comes next. */
		if (end != END_PLAIN && !in->is_sync)
			return IMAP_INPUT_BYE;
		end = END_PLAIN;
	}
	if (in->flaw == NULL)
		buf_add_slice(&in->command, line);
	switch (end) {
	case END_PLAIN:
		return IMAP_INPUT_DONE;
	case END_BROKEN:
		imap_input_spoil(in, "[TOOBIG] ", "the literal is too large");
		return in->is_sync ? IMAP_INPUT_REFUSE : IMAP_INPUT_BYE;
	case END_LITERAL:
		break;
	}
	return begin_literal(in, n, limits);
}

size_t
imap_input_octets(struct imap_input *in, struct slice octets)
{
	if (octets.len > in->wanted)
		octets = slice_sub(octets, 0, (size_t)in->wanted);
	in->wanted -= octets.len;
	if (!in->is_skipping && slice_find(octets, '\0') >= 0)
		imap_input_spoil(in, "", "a literal has no NUL");
	if (!in->is_skipping)
		buf_add_slice(&in->command, octets);
	return octets.len;
}

void
imap_input_reset(struct imap_input *in)
{
	buf_fini(&in->command);
	*in = (struct imap_input){0};
}
