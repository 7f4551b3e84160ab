/*
 * Invariant: an octet that is not printable ASCII never reaches the log raw, whoever sent it;
 * UTF-8 is escaped too, so a terminal shows what was there.
 */
#include "common/base/log.h"

#include "common/base/buf.h"
#include "common/base/id.h"
#include "common/base/moment.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	LOG_GATHERED = 64 * 1024,
	LOG_KEPT = 256 * 1024, /* waits for a slow reader; what comes on top is lost */
	LOG_PIECE = 4096,      /* what a pipe takes whole or not at all, where that is most */
	LOG_VALUE = 1024,
	LOG_SENTENCE = 1024,
	LOG_FINISH_MS = 500,
};

static struct {
	char process[32];
	bool verbose;
	bool stamp;
	bool gather;
	bool tapping;
	bool is_no_socket; /* standard error */
	void (*put)(struct slice lines);
	void (*tap)(struct slice line);
	void (*counted)(void);
	struct buf lines;
	uint64_t lost; /* lines that found no room since it was last said */
	uint64_t counts[LOG_COUNTS];
} state;

static const struct {
	const char *word;
	enum log_level level;
} events[] = {
#define E(word, level, meaning) {#word, LOG_LEVEL_##level},
    LOG_EVENTS(E)
#undef E
};

enum log_level
log_event_level(enum log_event event)
{
	return events[event].level;
}

bool
log_event_find(struct slice name, enum log_event *event)
{
	for (int i = 0; i < LOG_EVENT_COUNT; i++) {
		if (slice_equal_text(name, events[i].word)) {
			*event = (enum log_event)i;
			return true;
		}
	}
	return false;
}

uint64_t
log_count(int count)
{
	return state.counts[count];
}

const char *
log_count_name(int count)
{
	return count == LOG_COUNT_DEFERRED ? "deferred" : events[count].word;
}

bool
log_count_find(struct slice name, int *count)
{
	for (*count = 0; *count < LOG_COUNTS; ++*count) {
		if (slice_equal_text(name, log_count_name(*count)))
			return true;
	}
	return false;
}

void
log_on_count(void (*told)(void))
{
	state.counted = told;
}

void
log_tap(void (*taken)(struct slice line))
{
	state.tap = taken;
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
	return state.verbose || state.tap != NULL;
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

/* As many whole lines as a pipe takes whole or not at all. */
static struct slice
next_piece(struct slice lines)
{
	ptrdiff_t end;

	if (lines.len <= LOG_PIECE)
		return lines;
	end = slice_find_last(slice_sub(lines, 0, LOG_PIECE), '\n');
	return slice_sub(lines, 0, end < 0 ? LOG_PIECE : (size_t)end + 1);
}

/* The service manager's socket is everybody's, so it cannot be made one that does not block: it is
 * asked so each time, or a logger that stands still would stop us. */
static ssize_t
put_out(struct slice piece)
{
	ssize_t n = -1;

	if (!state.is_no_socket)
		n = send(STDERR_FILENO, piece.data, piece.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	state.is_no_socket |= n < 0 && errno == ENOTSOCK;
	return state.is_no_socket ? write(STDERR_FILENO, piece.data, piece.len) : n;
}

/* How much of the lines is out: all, if there is nothing to write to. */
static size_t
write_lines(struct slice lines)
{
	size_t done = 0;

	while (done < lines.len) {
		struct slice piece = next_piece(slice_from(lines, done));
		ssize_t n = put_out(piece);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return done;
		if (n <= 0)
			return lines.len;
		done += (size_t)n;
	}
	return done;
}

/* Now that there is room again. */
static void
say_lost(void)
{
	uint64_t lost = state.lost;

	state.lost = 0;
	log_event(NULL, EV_log_lost, NUM("lines", lost));
}

bool
log_flush(void)
{
	struct slice lines = buf_slice(&state.lines);

	if (lines.len == 0)
		return true;
	if (state.put != NULL) {
		state.put(lines);
		buf_clear(&state.lines);
		return true;
	}
	buf_consume(&state.lines, write_lines(lines));
	if (state.lines.len == 0 && state.lost > 0)
		say_lost();
	return state.lines.len == 0;
}

void
log_finish(void)
{
	struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

	if (!log_flush() && poll(&out, 1, LOG_FINISH_MS) == 1)
		log_flush();
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

static void
add_line(struct buf *b, const struct log_context *context, enum log_event event,
    const struct log_field *f)
{
	buf_printf(b, "%s: event=%s", state.process, events[event].word);
	add_context(b, context);
	for (; f->kind != LOG_END; f++)
		add_field(b, f);
}

/* The tap may log in its turn; that it does not see. */
static void
tap_line(const struct log_context *context, enum log_event event, const struct log_field *f)
{
	struct buf line = {0};

	state.tapping = true;
	add_line(&line, context, event, f);
	state.tap(buf_slice(&line));
	buf_fini(&line);
	state.tapping = false;
}

/* A delivery that failed with a status of 4.x.x is tried again (RFC 3463 section 2). */
static void
count(enum log_event event, const struct log_field *f)
{
	state.counts[event]++;
	if (event == EV_delivery_failed || event == EV_relay_failed) {
		for (; f->kind != LOG_END; f++) {
			if (strcmp(f->key, "status") == 0 && slice_has_prefix(f->text, SLICE("4")))
				state.counts[LOG_COUNT_DEFERRED]++;
		}
	}
	if (state.counted != NULL)
		state.counted();
}

void
log_write(const struct log_context *context, enum log_event event, const struct log_field *f)
{
	struct buf *b = &state.lines;
	bool is_debug = events[event].level == LOG_LEVEL_DEBUG;

	if (!is_debug)
		count(event, f);
	if (state.tap != NULL && !state.tapping)
		tap_line(context, event, f);
	if (is_debug && !state.verbose)
		return;
	if (b->len > LOG_KEPT) {
		state.lost++;
		return;
	}
	if (state.stamp)
		add_stamp(b);
	add_line(b, context, event, f);
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

	if (!log_is_verbose())
		return;
	va_start(ap, fmt);
	sentence(EV_debug, fmt, ap);
	va_end(ap);
}
