/* A view of a mailbox, and what changed in it since: records of messages, as many as a frame takes. */
#include "deliver/mailbox/verb.h"

enum { BATCH = 60000 };

/* Records for am_messages, sent whenever a frame is full. */
struct records {
	struct ipc_message *m;
	struct buf packed;
	uint32_t recent; /* uids from here on are \Recent */
};

static void
flush_records(struct records *r)
{
	struct am_messages out = {.records = buf_slice(&r->packed)};

	if (r->packed.len > 0)
		am_messages_send(r->m->channel, r->m->id, &out, -1);
	buf_clear(&r->packed);
}

static bool
add_record(void *owner, const struct store_message *message)
{
	struct records *r = owner;

	range_add(&r->packed, message->uid);
	range_add(&r->packed, (uint32_t)(message->modseq >> 32));
	range_add(&r->packed, (uint32_t)message->modseq);
	range_add(&r->packed, message->set);
	buf_add_char(
	    &r->packed, (char)(message->flags | (message->uid >= r->recent ? FLAG_RECENT : 0)));
	if (r->packed.len + AM_RECORD > BATCH)
		flush_records(r);
	return true;
}

static void
send_set(void *owner, uint32_t set, struct slice keywords)
{
	struct ipc_message *m = owner;
	struct am_keywords out = {.set = set, .keywords = keywords};

	am_keywords_send(m->channel, m->id, &out, -1);
}

void
verb_view(void *owner, struct ipc_message *m)
{
	const struct am_view *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct records r = {.m = m};
	struct store_mailbox box;
	struct am_status_is is;
	struct am_view_is view;
	struct store *s;

	if (h == NULL || !verb_named(m, h, q->name, AM_NONEXISTENT, &box))
		return;
	s = &h->account->store;
	store_status(s, &box, &is);
	view = (struct am_view_is){.mailbox = box.id,
	    .uidvalidity = box.uidvalidity,
	    .uidnext = box.uidnext,
	    .modseq = s->modseq,
	    .messages = is.messages};
	am_view_is_send(m->channel, m->id, &view, -1);
	store_each_set(s, send_set, m);
	r.recent = box.recent;
	store_each(s, box.id, 1, UINT32_MAX, 0, add_record, &r);
	flush_records(&r);
	buf_fini(&r.packed);
	h->viewed = box.id;
	if (!q->readonly)
		store_seen_recent(s, &box);
	verb_say_ok(m, s->modseq);
}

void
verb_unview(void *owner, struct ipc_message *m)
{
	struct handle *h = handle_find(m->channel, ((const struct am_unview *)m->body)->handle);

	if (h != NULL)
		h->viewed = 0;
}

struct gone {
	struct ipc_message *m;
	struct buf uids;
};

static void
flush_gone(struct gone *g)
{
	struct am_gone out = {.uids = buf_slice(&g->uids)};

	if (g->uids.len > 0)
		am_gone_send(g->m->channel, g->m->id, &out, -1);
	buf_clear(&g->uids);
}

static void
add_gone(void *owner, uint32_t uid)
{
	struct gone *g = owner;

	range_add(&g->uids, uid);
	if (g->uids.len > BATCH)
		flush_gone(g);
}

void
verb_changes(void *owner, struct ipc_message *m)
{
	const struct am_changes *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct records r = {.m = m};
	struct gone g = {.m = m};
	struct store_mailbox box;
	struct store *s;

	if (h == NULL || !verb_viewed(m, h, &box))
		return;
	s = &h->account->store;
	store_each_set(s, send_set, m);
	r.recent = box.recent;
	store_each(s, box.id, 1, UINT32_MAX, q->since, add_record, &r);
	flush_records(&r);
	store_each_gone(s, box.id, q->since, add_gone, &g);
	flush_gone(&g);
	buf_fini(&r.packed);
	buf_fini(&g.uids);
	store_seen_recent(s, &box);
	verb_say_ok(m, s->modseq);
}
