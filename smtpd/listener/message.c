/*
 * Invariant: what queue is told the size of is what it gets: trace fields and body, whether
 * they travel inline or lie in the spool file.
 */
#include "smtpd/listener/message.h"

#include "common/base/limits.h"
#include "common/base/whole.h"
#include "common/ipc/listener_queue.h"
#include "common/mail/header.h"

#include <unistd.h>

void
smtp_message_init(struct smtp_message *m)
{
	*m = (struct smtp_message){.spool = -1};
}

void
smtp_message_fini(struct smtp_message *m, struct channel *queue)
{
	struct lq_drop drop = {.spool = m->spool_id};

	/* It keeps the file for us until that is handed over or dropped. */
	if (m->spool_id != 0)
		lq_drop_send(queue, 0, &drop, -1);
	if (m->spool >= 0)
		close(m->spool);
	buf_fini(&m->octets);
}

/* Without the trace fields. */
static struct slice
as_sent(const struct smtp_message *m)
{
	return slice_from(buf_slice(&m->octets), m->trace);
}

bool
smtp_message_has_whole_header(const struct smtp_message *m)
{
	struct slice message = as_sent(m);

	return m->data.state == DATA_END || header_end(message) < message.len;
}

bool
smtp_message_has_too_many_hops(const struct smtp_message *m)
{
	return m->spooled == 0 && header_count(as_sent(m), SLICE("Received")) > LIMIT_RECEIVED;
}

bool
smtp_message_is_outgrown(struct smtp_message *m, size_t most)
{
	if (m->spool >= 0 || m->has_no_place || m->octets.len <= LIMIT_INLINE)
		return false;
	if (m->data.state == DATA_END || m->octets.len > most)
		return true;
	if (m->octets.len <= m->looked_at + LIMIT_INLINE)
		return false;
	m->looked_at = m->octets.len;
	return smtp_message_has_whole_header(m);
}

void
smtp_message_take_spool(struct smtp_message *m, int fd, uint32_t id)
{
	m->spool = fd;
	m->spool_id = id;
	m->is_looping = smtp_message_has_too_many_hops(m);
	smtp_message_spill(m);
}

void
smtp_message_spill(struct smtp_message *m)
{
	m->has_no_place = m->has_no_place || !whole_write(m->spool, buf_slice(&m->octets));
	m->spooled += m->octets.len;
	buf_clear(&m->octets);
}

void
smtp_message_give_up(struct smtp_message *m)
{
	m->has_no_place = true;
	buf_clear(&m->octets);
}

void
smtp_message_lose_spool(struct smtp_message *m)
{
	if (m->spool_id == 0)
		return;
	close(m->spool);
	m->spool = -1;
	m->spool_id = 0;
	smtp_message_give_up(m);
}

bool
smtp_message_send(struct smtp_message *m, struct channel *queue, uint32_t request)
{
	struct lq_body body = {.octets = buf_slice(&m->octets)};
	struct lq_commit commit = {.spool = m->spool_id, .size = m->spooled + m->octets.len};

	if (m->spool_id == 0 && !lq_body_send(queue, request, &body, -1))
		return false;
	if (!lq_commit_send(queue, request, &commit, -1))
		return false;
	m->spool_id = 0;
	return true;
}
