/*
 * A view of a mailbox, and what changed in it since: records of messages, as many as a frame takes,
 * in slices. A view is as of the modseq that it names first: what happens while it is on its way
 * is told again, as a change, when it is there.
 */
#include "common/base/mem.h"
#include "common/ipc/packed.h"
#include "deliver/mailbox/feed.h"
#include "deliver/mailbox/snapshot.h"
#include "deliver/mailbox/store/keyword.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/message.h"
#include "deliver/mailbox/verb/cursor.h"
#include "deliver/mailbox/verb/job.h"
#include "deliver/mailbox/verb/verb.h"

/* FEW changes are sorted; more are found by reading the mailbox in its order. */
enum { BATCH = 60000, FEW = 1000, RECORDS_A_LOOK = 32 };

enum phase { BEGIN, RECORDS, GONE };

struct viewing {
	struct job job;
	enum phase phase;
	bool is_view, is_readonly;
	bool is_known;            /* a snapshot has told the records up to here */
	struct store_mailbox box; /* as it was at the beginning */
	uint64_t since, modseq;
	uint32_t set; /* the newest set of keywords that the asker has */
	struct cursor cursor;
	struct buf packed; /* records, or UIDs that are gone */
	struct buf kept;   /* all records of a view that is read, for the next */
	struct store_gone gone;
	unsigned records;
};

static struct store *
store_of(const struct viewing *v)
{
	return &v->job.handle->account->store;
}

static void
flush_records(struct viewing *v)
{
	struct am_messages out = {.records = buf_slice(&v->packed)};

	if (v->packed.len > 0)
		am_messages_send(v->job.channel, v->job.id, &out, -1);
	buf_clear(&v->packed);
}

/* Flags are a record's last octet. */
static void
mark_recent(const struct viewing *v, char *record)
{
	if (record_uid(record) >= v->box.recent)
		record[AM_RECORD - 1] |= (char)FLAG_RECENT;
}

static bool
add_record(void *owner, const struct store_message *message)
{
	struct viewing *v = owner;

	if (message->modseq > v->since) {
		record_add(&v->packed, message);
		mark_recent(v, v->packed.data + v->packed.len - AM_RECORD);
		if (v->packed.len + AM_RECORD > BATCH)
			flush_records(v);
	}
	if (v->is_view && !v->is_known)
		record_add(&v->kept, message);
	/* To look at the clock takes longer than a record. */
	return ++v->records % RECORDS_A_LOOK != 0 || !job_is_over_time();
}

static bool
add_changed(void *owner, const struct store_message *message)
{
	add_record(owner, message);
	return true;
}

static void
send_set(void *owner, uint32_t set, struct slice keywords)
{
	struct viewing *v = owner;
	struct am_keywords out = {.set = set, .keywords = keywords};

	am_keywords_send(v->job.channel, v->job.id, &out, -1);
	v->set = set;
}

/* It goes out as it is, but for the recent ones, which are the last. */
static void
tell_part(struct viewing *v, struct slice part)
{
	struct am_messages out = {.records = part};

	if (record_uid(part.data + part.len - AM_RECORD) < v->box.recent) {
		am_messages_send(v->job.channel, v->job.id, &out, -1);
		return;
	}
	buf_add_slice(&v->packed, part);
	for (size_t at = 0; at < part.len; at += AM_RECORD)
		mark_recent(v, v->packed.data + at);
	flush_records(v);
}

/* What is known already, as much as the asker takes now; true: all. What came since the view began
 * is told as a change. */
static bool
tell_known(struct viewing *v, struct slice known)
{
	known = records_from(known, (uint32_t)v->cursor.from);
	known.len -= records_from(known, v->box.uidnext).len;
	while (known.len > 0) {
		struct slice part = slice_sub(known, 0, BATCH / AM_RECORD * AM_RECORD);

		tell_part(v, part);
		v->cursor.from = (uint64_t)record_uid(part.data + part.len - AM_RECORD) + 1;
		known = slice_from(known, part.len);
		if (channel_pending(v->job.channel) > CHANNEL_HIGH || job_is_over_time())
			break;
	}
	return known.len == 0;
}

static void
begin(struct viewing *v)
{
	struct store *s = store_of(v);
	struct am_view_is is = {
	    .uidvalidity = v->box.uidvalidity, .uidnext = v->box.uidnext, .modseq = s->modseq};
	struct buf all = {0};

	v->modseq = s->modseq;
	if (v->is_view)
		am_view_is_send(v->job.channel, v->job.id, &is, -1);
	am_range_add(&all, 1, v->box.uidnext - 1);
	cursor_init(&v->cursor, buf_slice(&all));
	buf_fini(&all);
	v->phase = RECORDS;
}

/* True when all records are out. */
static bool
records(struct viewing *v)
{
	struct store *s = store_of(v);
	struct account *a = v->job.handle->account;
	struct slice known;

	if (v->is_view && (v->is_known || v->cursor.from == 0) &&
	    snapshot_find(a, v->box.id, &known)) {
		v->is_known = true;
		return tell_known(v, known);
	}
	/* One that went while it was told: the rest is read, and is not all that could be kept. */
	if (v->since > 0 && store_few_changed(s, v->box.id, v->since, FEW))
		store_each_changed(s, v->box.id, v->since, add_changed, v);
	else if (!cursor_walk(&v->cursor, s, v->box.id, add_record, v))
		return false;
	flush_records(v);
	if (v->is_view && !v->is_known && !job_has_misread(&v->job))
		snapshot_keep(a, v->box.id, v->modseq, &v->kept);
	return true;
}

static void
flush_gone(struct viewing *v)
{
	struct am_gone out = {.uids = buf_slice(&v->packed)};

	if (v->packed.len > 0)
		am_gone_send(v->job.channel, v->job.id, &out, -1);
	buf_clear(&v->packed);
}

static bool
add_gone(void *owner, uint32_t uid)
{
	struct viewing *v = owner;

	am_uid_add(&v->packed, uid);
	if (v->packed.len >= BATCH)
		flush_gone(v);
	return !job_is_over_time();
}

static void
finish(struct viewing *v)
{
	struct handle *h = v->job.handle;
	struct store *s = store_of(v);

	if (!v->is_readonly)
		store_seen_recent(s, &v->box);
	reply_ok(v->job.channel, v->job.id, v->modseq);
	if (v->is_view) {
		struct am_changed news = {.handle = h->id, .modseq = s->modseq};

		if (s->modseq > v->modseq)
			am_changed_send(v->job.channel, 0, &news, -1);
	}
}

static enum job_state
view_slice(struct job *j)
{
	struct viewing *v = (struct viewing *)j;
	struct store *s = store_of(v);
	struct store_mailbox now;

	if (!verb_still_views(j->channel, j->id, j->handle, v->box.id, &now))
		return JOB_DONE;
	if (v->phase == BEGIN)
		begin(v);
	/* What a slice tells, it reads in one go: the sets that its records name are there. */
	store_each_set(s, v->set, send_set, v);
	if (v->phase == RECORDS) {
		if (!records(v))
			return JOB_MORE;
		v->phase = GONE;
	}
	if (!v->is_view && !store_each_gone(s, v->box.id, &v->gone, add_gone, v))
		return JOB_MORE;
	flush_gone(v);
	if (job_has_misread(j))
		reply_misread(j->channel, j->id, s);
	else
		finish(v);
	return JOB_DONE;
}

static void
view_fini(struct job *j)
{
	struct viewing *v = (struct viewing *)j;

	if (v->is_view)
		j->handle->is_viewing = false;
	cursor_fini(&v->cursor);
	buf_fini(&v->packed);
	buf_fini(&v->kept);
	free(v);
}

static struct viewing *
viewing_new(const struct store_mailbox *box)
{
	struct viewing *v = mem_zero(sizeof(*v));

	v->job.slice = view_slice;
	v->job.fini = view_fini;
	v->box = *box;
	return v;
}

void
verb_view(void *owner, struct ipc_message *m)
{
	const struct am_view *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct store_mailbox box;
	struct viewing *v;

	if (h == NULL || !verb_named(m, h, q->name, AM_NONEXISTENT, &box))
		return;
	v = viewing_new(&box);
	v->is_view = true;
	v->is_readonly = h->is_readonly = q->readonly != 0;
	h->viewed = box.id;
	h->since = h->account->store.modseq;
	h->is_viewing = true;
	job_start(&v->job, h, m);
}

void
verb_unview(void *owner, struct ipc_message *m)
{
	struct handle *h = handle_find(m->channel, ((const struct am_unview *)m->body)->handle);

	if (h != NULL)
		h->viewed = 0;
}

void
verb_changes(void *owner, struct ipc_message *m)
{
	const struct am_changes *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct store_mailbox box;
	struct viewing *v;

	if (h == NULL || !verb_viewed(m, h, &box))
		return;
	/* It said that it knew more than that: what was expunged since then may be forgotten. */
	if (q->since < h->since) {
		feed_end(h);
		reply_no(m->channel, m->id, AM_NONEXISTENT, "the view is lost");
		return;
	}
	h->since = q->since;
	v = viewing_new(&box);
	v->is_readonly = h->is_readonly;
	v->since = q->since;
	v->set = q->set;
	v->gone.modseq = q->since;
	v->gone.uid = UINT32_MAX;
	job_start(&v->job, h, m);
}
