/*
 * A message goes to smtpctl in pieces that end with a line, no faster than it is read.
 */
#include "queue/show.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/net/loop.h"
#include "queue/queue.h"
#include "queue/spool.h"

#include <errno.h>
#include <unistd.h>

enum { PIECE = 56 * 1024, PAUSE_MS = 10 };

struct reading {
	LIST_ENTRY(reading) link;
	struct control *order;
	struct timer timer;
	struct buf octets;       /* read, not sent yet */
	int fd;                  /* -1: all is read */
	struct error failure;    /* why no more can be read; "": it can */
};

static LIST_HEAD(, reading) readings = LIST_HEAD_INITIALIZER(readings);

static void
reading_free(struct reading *r)
{
	timer_stop(&r->timer);
	LIST_REMOVE(r, link);
	if (r->fd >= 0)
		close(r->fd);
	buf_fini(&r->octets);
	free(r);
}

static void
read_more(struct reading *r)
{
	while (r->fd >= 0 && r->octets.len < PIECE) {
		ssize_t n = read(r->fd, buf_room(&r->octets, PIECE), PIECE);

		if (n > 0) {
			buf_grew(&r->octets, (size_t)n);
		} else {
			if (n < 0)
				error_errno(&r->failure, "the message cannot be read further");
			close(r->fd);
			r->fd = -1;
		}
	}
}

/* As many whole lines as fit, without the last line end; a line longer than a piece is cut. */
static void
send_piece(struct reading *r)
{
	struct slice s = slice_sub(buf_slice(&r->octets), 0, PIECE);
	ptrdiff_t end = slice_find_last(s, '\n');
	size_t taken = end < 0 ? s.len : (size_t)end + 1;

	control_text(r->order, slice_sub(s, 0, end < 0 ? s.len : (size_t)end));
	buf_consume(&r->octets, taken);
}

static void
next_piece(void *owner)
{
	struct reading *r = owner;

	if (channel_pending(child_parent()) <= CHANNEL_HIGH) {
		read_more(r);
		if (r->octets.len > 0)
			send_piece(r);
		if (r->octets.len == 0 && r->fd < 0) {
			control_done(r->order, r->failure.text[0] == '\0' ? 0 : 1, r->failure.text);
			reading_free(r);
			return;
		}
	}
	timer_start(&r->timer,
	    channel_pending(child_parent()) > CHANNEL_HIGH ? SPAN_MS(PAUSE_MS) : SPAN_MS(0));
}

static void
say_unopened(struct error *failure)
{
	if (errno == ENOENT)
		error_set(failure, "the file of the message is missing, or has another size");
	else
		error_errno(failure, "the file of the message cannot be opened");
}

bool
queue_show_message(struct control *order, uint64_t id)
{
	struct store_message m;
	struct reading *r;

	if (store_find_message(queue.store, id, &m) != DB_ROW)
		return false;
	r = mem_zero(sizeof(*r));
	r->order = order;
	r->fd = m.is_file ? spool_open_body(id, m.size) : -1;
	if (m.is_file && r->fd < 0)
		say_unopened(&r->failure);
	buf_add_slice(&r->octets, m.octets);
	store_done(queue.store);
	timer_init(&r->timer, next_piece, r);
	timer_start(&r->timer, SPAN_MS(0));
	LIST_INSERT_HEAD(&readings, r, link);
	return true;
}

void
queue_show_message_stop(void)
{
	while (!LIST_EMPTY(&readings)) {
		control_done(LIST_FIRST(&readings)->order, 75, "the queue is stopping");
		reading_free(LIST_FIRST(&readings));
	}
}
