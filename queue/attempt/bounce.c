#include "queue/attempt/bounce.h"

#include "common/base/id.h"
#include "common/base/log.h"
#include "common/ipc/listener_queue.h"
#include "queue/ids.h"
#include "queue/schedule/schedule.h"
#include "queue/store/spool.h"

#include <unistd.h>

static const char *const kind_names[] = {
    [DSN_FAILED] = "failed",
    [DSN_DELAYED] = "delayed",
    [DSN_DELIVERED] = "delivered",
    [DSN_RELAYED] = "relayed",
};

bool
bounce_is_wanted(uint8_t notify, enum dsn_kind kind)
{
	if (notify & NOTIFY_NEVER)
		return false;
	switch (kind) {
	case DSN_FAILED:
		return notify == 0 || (notify & NOTIFY_FAILURE) != 0;
	case DSN_DELAYED:
		return notify == 0 || (notify & NOTIFY_DELAY) != 0;
	case DSN_DELIVERED:
	case DSN_RELAYED:
		return (notify & NOTIFY_SUCCESS) != 0;
	}
	return false;
}

/* The message, or as much of it as a report can return. */
static void
read_original(const struct store_message *m, struct buf *out)
{
	int fd;
	ssize_t n = 1;

	if (!m->is_file) {
		buf_add_slice(out, m->octets);
		return;
	}
	fd = spool_open_body(m->id, m->size);
	while (fd >= 0 && n > 0 && out->len <= LIMIT_RETURNED) {
		char *room = buf_room(out, LIMIT_RETURNED);

		n = read(fd, room, LIMIT_RETURNED);
		if (n > 0)
			buf_grew(out, (size_t)n);
	}
	if (fd >= 0)
		close(fd);
}

static void
format(struct buf *out, const struct store_message *m, enum dsn_kind kind,
    const struct dsn_recipient *recipients, size_t count, uint64_t id, uint8_t *flags)
{
	struct buf original = {0};
	char text[ID_TEXT];
	struct dsn d = {.kind = kind,
	    .reporting_mta = slice_of(queue.hostname),
	    .to = m->sender,
	    .message_id = slice_of(id_format(id, text)),
	    .envid = m->envid,
	    .arrival = m->arrival,
	    .now = civil_now(),
	    .recipients = recipients,
	    .count = count,
	    .full = m->ret != RET_HDRS};

	read_original(m, &original);
	d.original = buf_slice(&original);
	d.is_whole = original.len == m->size;
	dsn_format(out, &d);
	*flags = dsn_is_8bit(buf_slice(out)) ? MESSAGE_8BIT : 0;
	buf_fini(&original);
}

/* A report about very many recipients is too large for the database: rare, so it may block. */
static enum db_result
store(const struct store_message *report, const struct store_envelope *e)
{
	enum db_result result;

	if (report->is_file && !spool_write_body(report->id, report->octets))
		return DB_FULL;
	result = store_add_message(queue.store, report);
	if (result == DB_DONE)
		result = store_add_envelope(queue.store, e);
	if (result != DB_DONE && report->is_file)
		spool_remove_body(report->id);
	return result;
}

static void
log_report(const struct store_message *m, enum dsn_kind kind, size_t count, uint64_t id)
{
	struct log_context log = {.key = "message", .id = m->id};

	if (m->sender.len == 0) {
		if (kind == DSN_FAILED)
			log_event(&log, EV_dropped,
			    WORD("why", "it failed, and a null reverse-path is not answered"),
			    NUM("recipients", count));
		return;
	}
	log_event(&log, EV_bounced, WORD("kind", kind_names[kind]), TEXT("to", m->sender),
	    NUM("recipients", count), IDNUM("report", id));
}

enum db_result
queue_bounce_store(struct bounce *b, const struct store_message *m, enum dsn_kind kind,
    const struct dsn_recipient *recipients, size_t count)
{
	struct store_message report = {.id = 0};
	struct store_envelope e = {.transport = TRANSPORT_UNROUTED, .notify = NOTIFY_NEVER};
	struct buf octets = {0};
	enum db_result result;

	if (m->sender.len == 0) {
		log_report(m, kind, count, 0);
		return DB_DONE;
	}
	report.id = queue_ids_take(2);
	format(&octets, m, kind, recipients, count, report.id, &report.flags);
	report.ret = RET_HDRS;
	report.arrival = e.written = e.next_try = civil_now();
	report.octets = buf_slice(&octets);
	report.size = octets.len;
	report.is_file = octets.len > LIMIT_INLINE;
	e.id = report.id + 1;
	e.message = report.id;
	e.address = e.original = m->sender;
	result = store(&report, &e);
	if (result == DB_DONE) {
		*b = (struct bounce){report.id, e.id, report.is_file};
		log_report(m, kind, count, report.id);
	}
	buf_fini(&octets);
	return result;
}

void
queue_bounce_undo(struct bounce *b)
{
	if (b->is_file)
		spool_remove_body(b->message);
	*b = (struct bounce){0};
}

void
queue_bounce_begin(const struct bounce *b)
{
	struct queue_message *m;
	struct queue_envelope *e;

	if (b->message == 0)
		return;
	m = queue_message_new(b->message);
	m->body = b->is_file ? BODY_FILE : BODY_INLINE;
	e = queue_envelope_new(
	    m, b->envelope, queue_destination_find(TRANSPORT_UNROUTED, 0, SLICE(""), SLICE("")));
	e->notify = NOTIFY_NEVER;
	queue_schedule_add(e, SPAN_MS(0));
}
