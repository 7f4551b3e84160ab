/*
 * The states in which a command comes in, line by line and literal by literal, until it is whole or
 * the client has to be told that it will never be.
 */
#include "imapd/command.h"
#include "imapd/flight.h"

static struct imap_input_limits
limits_of(const struct imap_session *s)
{
	size_t message = (size_t)s->base.service->conf->global.max_message;

	if (s->level == IMAP_NOT_AUTHENTICATED)
		return (struct imap_input_limits){.lines = LIMIT_IMAP_LOGIN_LINE,
		    .literal = LIMIT_IMAP_LOGIN_LITERAL,
		    .literals = 4 * LIMIT_IMAP_LOGIN_LITERAL,
		    .skipped = 4 * LIMIT_IMAP_LOGIN_LITERAL};
	if (imap_command_takes_message(s))
		return (struct imap_input_limits){.lines = LIMIT_IMAP_LINE,
		    .literal = message,
		    .literals = message + LIMIT_IMAP_LITERALS,
		    .skipped = message};
	return (struct imap_input_limits){.lines = LIMIT_IMAP_LINE,
	    .literal = LIMIT_IMAP_LITERALS,
	    .literals = LIMIT_IMAP_LITERALS,
	    .skipped = message};
}

/* The client waits for "+" with its literal, and will not send it. */
static void
refuse_literal(struct imap_session *s)
{
	if (s->input.code[0] != '\0')
		imap_done(s, "NO %s%s", s->input.code, s->input.flaw);
	else
		imap_bad(s, s->input.flaw);
}

static void
receive_literal(struct imap_session *s, bool is_sync)
{
	if (imap_command_takes_message(s) && s->input.flaw == NULL && imap_append_begin(s, is_sync))
		return;
	if (is_sync && s->input.flaw != NULL) {
		refuse_literal(s);
		return;
	}
	if (is_sync)
		imap_write(s, SLICE("+ go ahead\r\n"));
	imap_move(s, IMAP_LITERAL);
}

void
imap_command_line(struct imap_session *s, struct slice line)
{
	struct imap_input_limits limits;

	if (s->input.lines == 0)
		imap_command_begin(s, line);
	limits = limits_of(s);
	switch (imap_input_line(&s->input, line, &limits)) {
	case IMAP_INPUT_DONE:
		imap_command_run(s);
		break;
	case IMAP_INPUT_ASK:
		receive_literal(s, true);
		break;
	case IMAP_INPUT_OCTETS:
		receive_literal(s, false);
		break;
	case IMAP_INPUT_REFUSE:
		refuse_literal(s);
		break;
	case IMAP_INPUT_BYE:
		imap_session_shut(s, "[TOOBIG] the command is too large");
		break;
	}
}

static size_t
longest_line(const struct imap_session *s)
{
	return s->level == IMAP_NOT_AUTHENTICATED ? LIMIT_IMAP_LOGIN_LINE : LIMIT_IMAP_LINE;
}

enum session_next
imap_without_line(struct imap_session *s, enum stream_result result)
{
	if (result == STREAM_AGAIN)
		return SESSION_WAIT;
	if (result == STREAM_CLOSED)
		imap_move(s, IMAP_CLOSING);
	else
		imap_session_shut(s, "the line is too long");
	return SESSION_GO_ON;
}

enum session_next
imap_when_command(struct imap_session *s)
{
	unsigned most =
	    s->level == IMAP_NOT_AUTHENTICATED ? LIMIT_IMAP_LOGIN_ERRORS : LIMIT_IMAP_ERRORS;
	enum stream_result result;
	enum session_next next;
	struct slice line;

	if (!imap_output_is_empty(&s->output))
		return SESSION_WAIT;
	if (s->input.lines == 0 && !imap_flight_step(s, &next))
		return next;
	if (s->errors >= most) {
		imap_session_shut(s, "too many errors");
		return SESSION_GO_ON;
	}
	result = stream_line(s->base.stream, longest_line(s), &line);
	switch (result) {
	case STREAM_OK:
		imap_heard(s);
		imap_command_line(s, line);
		if (s->level == IMAP_NOT_AUTHENTICATED)
			stream_wipe(s->base.stream);
		return SESSION_GO_ON;
	case STREAM_BARE:
		/* What looks like a literal behind it must not be taken for commands. */
		if (line.len > 0 && line.data[line.len - 1] == '}') {
			imap_session_shut(s, "a line ends in CR LF");
			return SESSION_GO_ON;
		}
		if (s->input.lines == 0)
			imap_command_begin(s, line);
		imap_bad(s, "a line ends in CR LF");
		return SESSION_GO_ON;
	case STREAM_AGAIN:
	case STREAM_TOO_LONG:
	case STREAM_FLOOD:
	case STREAM_CLOSED:
		break;
	}
	return imap_without_line(s, result);
}

enum session_next
imap_when_literal(struct imap_session *s)
{
	struct slice octets;
	enum session_next next;

	while (s->input.wanted > 0) {
		if (!session_peek(&s->base, &octets, &next))
			return next;
		stream_consume(s->base.stream, imap_input_octets(&s->input, octets));
		imap_heard(s);
	}
	imap_move(s, IMAP_COMMAND);
	return SESSION_GO_ON;
}
