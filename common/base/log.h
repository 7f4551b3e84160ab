/*
 * The log: one event a line, key=value, values escaped so that no client can forge a line.
 * Lines gather in memory and go to standard error once a turn of the loop (log_flush). Where that
 * does not block, a reader that is too slow costs lines, which are counted, and no time.
 */
#ifndef COMMON_BASE_LOG_H
#define COMMON_BASE_LOG_H

#include "common/base/log_events.h"
#include "common/base/slice.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum log_event {
#define E(word, level, meaning) EV_##word,
	LOG_EVENTS(E)
#undef E
	    LOG_EVENT_COUNT
};

/* What a line is about; contexts nest, and each adds key=id to every line under it. */
struct log_context {
	const struct log_context *outer;
	const char *key; /* "session", "message" */
	uint64_t id;     /* printed as id_format() does */
};

enum log_kind { LOG_END, LOG_TEXT, LOG_NUMBER, LOG_ID };

struct log_field {
	const char *key;
	enum log_kind kind;
	struct slice text;
	int64_t number;
};

/* clang-format off */
#define TEXT(k, slice)  ((struct log_field){.key = (k), .kind = LOG_TEXT, .text = (slice)})
#define WORD(k, cstring) ((struct log_field){.key = (k), .kind = LOG_TEXT, .text = slice_of(cstring)})
#define NUM(k, n)       ((struct log_field){.key = (k), .kind = LOG_NUMBER, .number = (int64_t)(n)})
#define IDNUM(k, n)     ((struct log_field){.key = (k), .kind = LOG_ID, .number = (int64_t)(n)})
/* clang-format on */

/*
 * Writes one line: event=<word>, the context from the outermost in, then the fields.
 * log_event(&s->log, EV_connect, TEXT("from", address), NUM("port", port));
 */
#define log_event(context, event, ...) \
	log_write((context), (event), \
	    (const struct log_field[]){__VA_ARGS__, {.key = NULL, .kind = LOG_END}})

/* Names the process on every line; verbose lets DEBUG lines through; stamp adds the time. */
void log_init(const char *process, bool verbose, bool stamp);
void log_verbose(bool verbose);
bool log_is_verbose(void);

void log_write(const struct log_context *context, enum log_event event, const struct log_field *f);

/*
 * After log_gather(), lines wait for log_flush(); before, each is written at once. log_flush() is
 * false when standard error takes no more now: call it again. log_finish() waits a little for it.
 */
void log_gather(void);
bool log_flush(void);
void log_finish(void);

/* From now on whole lines go there instead of to standard error; NULL: back to it. */
void log_divert(void (*put)(struct slice lines));

/* taken() sees every line without its end, debugging ones too, whatever the log shows; NULL: nobody. */
void log_tap(void (*taken)(struct slice line));

/*
 * How often each event came to pass in this process; of the failed deliveries, those that are to
 * be tried again are counted as well. told(), if any, is called when a count grew.
 */
enum { LOG_COUNT_DEFERRED = LOG_EVENT_COUNT, LOG_COUNTS };
uint64_t log_count(int count);
const char *log_count_name(int count);
bool log_count_find(struct slice name, int *count);
void log_on_count(void (*told)(void));

enum log_level log_event_level(enum log_event event);

/* The event of that name; false when there is none. */
bool log_event_find(struct slice name, enum log_event *event);

/* An error or a debugging sentence without further fields. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
