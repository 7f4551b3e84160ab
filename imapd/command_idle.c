/* IDLE (RFC 2177): what changes in the mailbox is told at once, until the client says DONE. */
#include "imapd/command.h"
#include "imapd/sync.h"

IMAP_COMMAND(idle)
{
	imap_write(s, SLICE("+ idling\r\n"));
	imap_input_reset(&s->input);
	s->is_idle = true;
	imap_move(s, IMAP_IDLE);
}

enum session_next
imap_when_idle(struct imap_session *s)
{
	enum stream_result result;
	struct slice line;

	if (imap_sync_is_due(s) && !timer_is_running(&s->retry) &&
	    imap_output_is_empty(&s->output) && stream_pending(s->base.stream) < STREAM_HIGH) {
		imap_sync_start(s);
		return SESSION_GO_ON;
	}
	result = stream_line(s->base.stream, LIMIT_IMAP_LOGIN_LINE, &line);
	switch (result) {
	case STREAM_OK:
		imap_heard(s);
		if (slice_equal_text_nocase(line, "DONE"))
			imap_done(s, "OK that was IDLE");
		else if (line.len > 0 && line.data[line.len - 1] == '}')
			imap_session_shut(s, "IDLE ends with DONE");
		else
			imap_bad(s, "IDLE ends with DONE");
		return SESSION_GO_ON;
	case STREAM_BARE:
		imap_bad(s, "IDLE ends with DONE and CR LF");
		return SESSION_GO_ON;
	case STREAM_AGAIN:
	case STREAM_TOO_LONG:
	case STREAM_FLOOD:
	case STREAM_CLOSED:
		break;
	}
	return imap_without_line(s, result);
}
