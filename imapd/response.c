#include "imapd/response.h"

#include "common/base/mem.h"
#include "imapd/command.h"
#include "imapd/flight.h"
#include "imapd/sync.h"

void
imap_write(struct imap_session *s, struct slice text)
{
	if (text.len > 0)
		imap_output_text(&s->output, s->base.stream, text);
}

void
imap_printf(struct imap_session *s, const char *fmt, ...)
{
	struct buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	imap_write(s, buf_slice(&text));
	buf_fini(&text);
}

bool
imap_is_client_slow(const struct imap_session *s)
{
	return !imap_output_is_empty(&s->output) || stream_pending(s->base.stream) >= STREAM_HIGH ||
	       stream_failure(s->base.stream)[0] != '\0';
}

void
imap_synced(struct imap_session *s)
{
	if (s->is_idle) {
		imap_move(s, IMAP_IDLE);
		return;
	}
	imap_printf(s, "%s\r\n", s->command.ending);
	imap_command_end(s);
	/* State stays COMMAND where nothing had to be asked. */
	if (s->base.state != IMAP_COMMAND && s->base.state != IMAP_CLOSING)
		imap_move(s, IMAP_COMMAND);
}

static char *__attribute__((format(printf, 2, 0)))
format_ending(const char *tag, const char *fmt, va_list ap)
{
	struct buf line = {0};

	buf_printf(&line, "%s ", tag == NULL ? "*" : tag);
	buf_vprintf(&line, fmt, ap);
	for (size_t i = 0; i < line.len; i++) {
		if ((unsigned char)line.data[i] < ' ' || (unsigned char)line.data[i] >= 0x7f)
			line.data[i] = '?';
	}
	return buf_take(&line, NULL);
}

char *
imap_ending(const char *tag, const char *fmt, ...)
{
	va_list ap;
	char *ending;

	va_start(ap, fmt);
	ending = format_ending(tag, fmt, ap);
	va_end(ap);
	return ending;
}

char *
imap_ending_no(const char *tag, const struct am_no *no)
{
	/* clang-format off */
	static const char *const codes[] = {
	    [AM_TEMPORARY] = "UNAVAILABLE", [AM_NONEXISTENT] = "NONEXISTENT",
	    [AM_ALREADYEXISTS] = "ALREADYEXISTS", [AM_CANNOT] = "CANNOT", [AM_LIMIT] = "LIMIT",
	    [AM_OVERQUOTA] = "OVERQUOTA", [AM_INUSE] = "INUSE", [AM_TRYCREATE] = "TRYCREATE",
	    [AM_AUTHENTICATIONFAILED] = "AUTHENTICATIONFAILED",
	    [AM_CORRUPTION] = "CORRUPTION",
	};
	/* clang-format on */
	struct slice text = no->text.len > 0 ? no->text : SLICE("that cannot be done");

	return imap_ending(tag, "NO [%s] %.*s", codes[no->code], SLICE_FMT(text));
}

char *
imap_ending_unavailable(const char *tag)
{
	return imap_ending(
	    tag, "NO [UNAVAILABLE] the mail store does not answer now, try again later");
}

void
imap_end(struct imap_session *s, char *ending)
{
	free(s->command.ending);
	s->command.ending = ending;
	s->is_idle = false;
	if (imap_sync_is_due(s))
		imap_sync_start(s);
	else
		imap_synced(s);
}

/* The response of the command in hand has its turn behind those of APPENDs in flight. */
static void
end_in_turn(struct imap_session *s, char *ending)
{
	if (imap_flight_is_any(s))
		imap_flight_follow(s, ending);
	else
		imap_end(s, ending);
}

void
imap_done(struct imap_session *s, const char *fmt, ...)
{
	va_list ap;
	char *ending;

	va_start(ap, fmt);
	ending = format_ending(s->command.tag, fmt, ap);
	va_end(ap);
	end_in_turn(s, ending);
}

void
imap_bad(struct imap_session *s, const char *why)
{
	s->errors++;
	imap_done(s, "BAD %s", why);
}

void
imap_no(struct imap_session *s, const struct am_no *no)
{
	end_in_turn(s, imap_ending_no(s->command.tag, no));
}

void
imap_unavailable(struct imap_session *s)
{
	end_in_turn(s, imap_ending_unavailable(s->command.tag));
}
