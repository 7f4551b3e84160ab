#include "queue/receive/handover.h"

#include "common/base/mem.h"
#include "queue/hold.h"
#include "queue/ids.h"
#include "queue/queue.h"
#include "queue/schedule/destination.h"

enum { FIRST_RECIPIENTS = 2 };

static struct kept
keep(struct handover *h, struct slice s)
{
	struct kept k = {(uint32_t)h->texts.len, (uint32_t)s.len};

	buf_add_slice(&h->texts, s);
	return k;
}

static struct slice
kept(const struct handover *h, struct kept k)
{
	return slice_sub(buf_slice(&h->texts), k.at, k.len);
}

struct handover *
queue_handover_new(struct receive_line *line, uint32_t request, const struct lq_begin *m)
{
	struct handover *h = mem_zero(sizeof(*h));

	h->line = line;
	h->request = request;
	h->message = m->message;
	h->flags = m->flags;
	h->ret = m->ret;
	h->sender = keep(h, m->sender);
	h->envid = keep(h, m->envid);
	h->user = keep(h, m->user);
	h->client = keep(h, m->client);
	h->helo = keep(h, m->helo);
	return h;
}

bool
queue_handover_add(struct handover *h, const struct lq_rcpt *m)
{
	if (h->count == LIMIT_RECIPIENTS)
		return false;
	if (h->count == h->capacity) {
		h->capacity = h->capacity == 0 ? FIRST_RECIPIENTS : h->capacity * 2;
		h->recipients = mem_resize(h->recipients, h->capacity * sizeof(*h->recipients));
	}
	h->recipients[h->count++] = (struct handover_recipient){.transport = m->transport,
	    .mailbox = m->mailbox,
	    .notify = m->notify,
	    .action = keep(h, m->action),
	    .address = keep(h, m->address),
	    .user = keep(h, m->user),
	    .target = keep(h, m->target),
	    .original = keep(h, m->original),
	    .orcpt = keep(h, m->orcpt)};
	return true;
}

void
queue_handover_set_body(struct handover *h, struct slice octets)
{
	buf_add_slice(&h->body, octets);
	h->has_body = true;
}

void
queue_handover_free(struct handover *h)
{
	if (h == NULL)
		return;
	free(h->recipients);
	buf_fini(&h->texts);
	buf_fini(&h->body);
	free(h);
}

static enum db_result
store_message(const struct handover *h, int64_t now)
{
	struct store_message m = {.id = h->message,
	    .arrival = now,
	    .sender = kept(h, h->sender),
	    .envid = kept(h, h->envid),
	    .user = kept(h, h->user),
	    .client = kept(h, h->client),
	    .helo = kept(h, h->helo),
	    .flags = h->flags,
	    .ret = h->ret,
	    .size = h->size,
	    .is_file = h->spool != 0,
	    .octets = buf_slice(&h->body)};

	return store_add_message(queue.store, &m);
}

static enum db_result
store_recipient(
    const struct handover *h, const struct handover_recipient *r, uint64_t id, int64_t now)
{
	struct store_envelope row = {.id = id,
	    .message = h->message,
	    .transport = r->transport,
	    .mailbox = r->mailbox,
	    .notify = r->notify,
	    .next_try = now,
	    .written = now,
	    .action = kept(h, r->action),
	    .address = kept(h, r->address),
	    .user = kept(h, r->user),
	    .target = kept(h, r->target),
	    .original = kept(h, r->original),
	    .orcpt = kept(h, r->orcpt)};
	struct queue_envelope *e;
	enum db_result result = store_add_envelope(queue.store, &row);

	if (result != DB_DONE)
		return result;
	e = queue_envelope_new(h->stored, id, queue_destination_of(&row, row.mailbox));
	e->notify = row.notify & 15;
	return DB_DONE;
}

enum db_result
queue_handover_store(struct handover *h)
{
	int64_t now = civil_now();
	uint64_t first = queue_ids_take((uint32_t)h->count);
	enum db_result result;

	if (queue_message_find(h->message) != NULL)
		return DB_CONSTRAINT;
	result = store_message(h, now);
	if (result != DB_DONE)
		return result;
	h->stored = queue_message_new(h->message);
	h->stored->body = h->spool != 0 ? BODY_FILE : BODY_INLINE;
	for (size_t i = 0; i < h->count && result == DB_DONE; i++)
		result = store_recipient(h, &h->recipients[i], first + i, now);
	buf_fini(&h->body);
	return result;
}

void
queue_handover_forget(struct handover *h)
{
	if (h->stored == NULL)
		return;
	while (h->stored->envelopes != NULL)
		queue_envelope_free(h->stored->envelopes);
	queue_message_free(h->stored);
	h->stored = NULL;
}

void
queue_handover_begin(struct handover *h)
{
	struct queue_envelope *e, *next;

	for (e = h->stored->envelopes; e != NULL; e = next) {
		next = e->next;
		queue_envelope_begin(e, SPAN_MS(0));
	}
	h->stored = NULL;
}
