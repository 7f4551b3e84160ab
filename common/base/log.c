/*
 * Invariant: an octet that is not printable ASCII never reaches the log raw, whoever sent it;
 * UTF-8 is escaped too, so a terminal shows what was there.
 */
#include "common/base/log.h"

#include "common/base/buf.h"
#include "common/base/id.h"
#include "common/base/moment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LOG_GATHERED = 64 * 1024, LOG_VALUE = 1024, LOG_SENTENCE = 1024 };

static struct {
	char process[32];
	bool verbose;
	bool stamp;
	bool gather;
	void (*put)(struct slice lines);
	struct buf lines;
} state;

static const struct {
	const char *word;
	enum log_level level;
} events[] = {
#define E(word, level, meaning) {#word, LOG_LEVEL_##level},
    LOG_EVENTS(E)
#undef E
};

const char *
log_event_name(enum log_event event)
{
	return events[event].word;
}

enum log_level
log_event_level(enum log_event event)
{
	return events[event].level;
}

void
log_init(const char *process, bool verbose, bool stamp)
{
	snprintf(state.process, sizeof(state.process), "%s", process);
	state.verbose = verbose;
	state.stamp = stamp;
}

void
log_verbose(bool verbose)
{
	state.verbose = verbose;
}

bool
log_is_verbose(void)
{
	return state.verbose;
}

void
log_gather(void)
{
	state.gather = true;
}

void
log_divert(void (*put)(struct slice lines))
{
	state.put = put;
}

void
log_flush(void)
{
	size_t done = 0;

	if (state.put != NULL && state.lines.len > 0) {
		state.put(buf_slice(&state.lines));
		done = state.lines.len;
	}
	while (done < state.lines.len) {
		ssize_t n = write(STDERR_FILENO, state.lines.data + done, state.lines.len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	buf_clear(&state.lines);
}

static bool
is_plain(struct slice s)
{
	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		char c = s.data[i];

		if (c <= ' ' || c >= 127 || c == '"' || c == '=' || c == '\\')
			return false;
	}
	return true;
}

static void
add_value(struct buf *b, struct slice s)
{
	s = slice_sub(s, 0, LOG_VALUE);
	if (is_plain(s)) {
		buf_add_slice(b, s);
		return;
	}
	buf_add_char(b, '"');
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (c == '"' || c == '\\')
			buf_printf(b, "\\%c", c);
		else if (c < ' ' || c >= 127)
			buf_printf(b, "\\x%02x", c);
		else
			buf_add_char(b, (char)c);
	}
	buf_add_char(b, '"');
}

static void
add_id(struct buf *b, const char *key, uint64_t id)
{
	char text[ID_TEXT];

	buf_printf(b, " %s=%s", key, id_format(id, text));
}

static void
add_context(struct buf *b, const struct log_context *context)
{
	if (context == NULL)
		return;
	add_context(b, context->outer);
	if (context->id != 0)
		add_id(b, context->key, context->id);
}

static void
add_field(struct buf *b, const struct log_field *f)
{
	if (f->kind == LOG_ID) {
		add_id(b, f->key, (uint64_t)f->number);
		return;
	}
	buf_printf(b, " %s=", f->key);
	if (f->kind == LOG_NUMBER)
		buf_printf(b, "%lld", (long long)f->number);
	else
		add_value(b, f->text);
}

static void
add_stamp(struct buf *b)
{
	time_t now = (time_t)civil_now();
	struct tm tm;
	char text[32];

	if (gmtime_r(&now, &tm) == NULL)
		return;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ ", &tm);
	buf_add_text(b, text);
}

void
log_write(const struct log_context *context, enum log_event event, const struct log_field *f)
{
	struct buf *b = &state.lines;

	if (events[event].level == LOG_LEVEL_DEBUG && !state.verbose)
		return;
	if (state.stamp)
		add_stamp(b);
	buf_printf(b, "%s: event=%s", state.process, events[event].word);
	add_context(b, context);
	for (; f->kind != LOG_END; f++)
		add_field(b, f);
	buf_add_char(b, '\n');
	if (!state.gather || b->len > LOG_GATHERED)
		log_flush();
}

static void __attribute__((format(printf, 2, 0)))
sentence(enum log_event event, const char *fmt, va_list ap)
{
	char text[LOG_SENTENCE];

	vsnprintf(text, sizeof(text), fmt, ap);
	log_event(NULL, event, WORD("text", text));
}

void
log_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sentence(EV_error, fmt, ap);
	va_end(ap);
}

void
log_warning(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sentence(EV_warning, fmt, ap);
	va_end(ap);
}

void
log_debug(const char *fmt, ...)
{
	va_list ap;

	if (!state.verbose)
		return;
	va_start(ap, fmt);
	sentence(EV_debug, fmt, ap);
	va_end(ap);
}
