/*
 * The list of the queue goes to smtpctl a slice of rows at a time, no faster than it is read: each
 * part of the answer is an order of its own, which says behind which envelope it begins.
 */
#include "queue/control/show.h"

#include "common/base/mem.h"
#include "queue/queue.h"

enum { ROWS = 400, LINES_OCTETS = 48 * 1024 };

struct listing {
	struct control *order;
	const struct queue_select *which;
	size_t count;
	bool json;
	struct buf lines;
};

static void
flush_lines(struct listing *l)
{
	if (l->lines.len > 0)
		control_text(l->order, buf_slice(&l->lines));
	buf_clear(&l->lines);
}

static void
list_one(void *owner, const struct store_envelope *row, struct slice sender)
{
	struct listing *l = owner;
	struct queue_message *m;

	if (!queue_select_has_any(l->which, l->count, row, sender))
		return;
	if (l->lines.len > 0)
		buf_add_char(&l->lines, '\n');
	m = queue_message_find(row->message);
	queue_show_line(
	    &l->lines, row, sender, m == NULL ? NULL : queue_envelope_find(m, row->id), l->json);
	if (l->lines.len >= LINES_OCTETS)
		flush_lines(l);
}

void
queue_show_queue(struct control *order, const struct queue_select *which, size_t count, bool json)
{
	struct listing l = {.order = order, .which = which, .count = count, .json = json};
	uint64_t after = control_after(order);
	enum db_result result =
	    store_scan_with_sender(queue.store, &after, INT64_MAX, ROWS, list_one, &l);

	flush_lines(&l);
	buf_fini(&l.lines);
	if (result == DB_ROW)
		control_more(order, after);
	else
		control_done(order, result == DB_DONE ? 0 : 1,
		    result == DB_DONE ? "" : store_failure(queue.store));
}
