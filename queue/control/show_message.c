/*
 * A message goes to smtpctl in pieces that end with a line, a few at a time, no faster than they
 * are read: each part of the answer is an order of its own, which says how many octets went before.
 */
#include "queue/control/show.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "queue/queue.h"
#include "queue/store/spool.h"

#include <errno.h>
#include <unistd.h>

enum { PIECE = 56 * 1024, PART = 8 * PIECE };

static bool
cannot_open(struct error *why)
{
	if (errno == ENOENT)
		return error_set(why, "the file of the message is missing, or has another size");
	return error_errno(why, "the file of the message cannot be opened");
}

/* Appends a part of the message from that octet on; less than a part when it ends there. */
static bool
read_part(const struct store_message *m, uint64_t from, struct buf *out, struct error *why)
{
	int fd;

	if (!m->is_file) {
		buf_add_slice(out, slice_sub(slice_from(m->octets, (size_t)from), 0, PART));
		return true;
	}
	fd = spool_open_body(m->id, m->size);
	if (fd < 0)
		return cannot_open(why);
	while (out->len < PART) {
		ssize_t n = pread(
		    fd, buf_room(out, PART - out->len), PART - out->len, (off_t)(from + out->len));

		if (n < 0)
			error_errno(why, "the message cannot be read further");
		if (n <= 0)
			break;
		buf_grew(out, (size_t)n);
	}
	close(fd);
	return why->text[0] == '\0';
}

/* As many whole lines as fit, without the last line end; a line longer than a piece is cut. Gives
 * how many octets that were. */
static size_t
send_piece(struct control *order, struct slice octets)
{
	struct slice s = slice_sub(octets, 0, PIECE);
	ptrdiff_t end = slice_find_last(s, '\n');

	control_text(order, slice_sub(s, 0, end < 0 ? s.len : (size_t)end));
	return end < 0 ? s.len : (size_t)end + 1;
}

/* All that was read, but for what may be the beginning of a longer piece. */
static size_t
send_part(struct control *order, struct slice octets)
{
	bool is_end = octets.len < PART;
	size_t sent = 0;

	while (sent < octets.len && (is_end || octets.len - sent >= PIECE))
		sent += send_piece(order, slice_from(octets, sent));
	return sent;
}

bool
queue_show_message(struct control *order, uint64_t id)
{
	uint64_t from = control_after(order);
	struct error why = {""};
	struct buf part = {0};
	struct store_message m;

	if (store_find_message(queue.store, id, &m) != DB_ROW)
		return false;
	if (from > m.size)
		error_set(&why, "the message has not so many octets");
	else
		read_part(&m, from, &part, &why);
	store_done(queue.store);
	from += send_part(order, buf_slice(&part));
	if (why.text[0] != '\0')
		control_done(order, 1, why.text);
	else if (part.len < PART)
		control_done(order, 0, "");
	else
		control_more(order, from);
	buf_fini(&part);
	return true;
}
