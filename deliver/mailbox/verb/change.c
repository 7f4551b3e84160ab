/*
 * STORE, EXPUNGE, MOVE and COPY of many messages. The first three go in slices, each whole by
 * itself: a message is changed or it is not. COPY is one transaction in one go, for it must copy
 * all or nothing (RFC 9051 6.4.7). RENAME of INBOX, which stays, moves what is in it (6.3.6).
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

/* Messages between two looks at the clock: that are changed, or that are only looked at. */
enum { PORTION = 64, LOOKED_AT = 1024 };

struct changing;

struct chosen {
	struct store_message message;
	size_t range; /* of the cursor: between two of the same there is no other message */
};

/* A message; or more, one behind the other, with none between them that is not to be changed. For
 * STORE they have the same keywords. */
struct run {
	const struct chosen *first;
	uint32_t count;
};

/* One of the verbs. */
struct change_kind {
	enum store_result (*change)(struct changing *, const struct run *, uint64_t modseq);
	bool takes_many; /* a run may be longer than a message */
	bool has_target; /* messages go there, and the answer tells where to */
	bool is_whole;   /* all of them in one transaction */
	bool takes_out;  /* the messages leave the mailbox */
	bool is_soon;    /* durable within a second: the answer does not wait for it */
	bool is_rename;  /* nobody has to view the mailbox, or hears of UIDs */
};

/* Where copies went: two lists of ranges whose members answer each other in turn. */
struct copies {
	struct buf from, to;
	uint32_t first_from, first_to, count; /* the range in hand */
};

struct changing {
	struct job job;
	const struct change_kind *kind;
	uint64_t mailbox;
	struct cursor cursor;
	struct chosen *portion; /* gathered before they are changed under the reader */
	size_t count, room, looked_at;
	uint8_t mode, flags; /* of STORE */
	struct buf keywords;
	uint32_t old_set, new_set; /* the last that were merged */
	bool has_set, only_deleted;
	struct store_mailbox to;
	struct copies copies;
};

static void
close_range(struct copies *c)
{
	if (c->count == 0)
		return;
	am_range_add(&c->from, c->first_from, c->first_from + c->count - 1);
	am_range_add(&c->to, c->first_to, c->first_to + c->count - 1);
	c->count = 0;
}

static void
add_copy(struct copies *c, uint32_t from, uint32_t to)
{
	if (c->count > 0 && from == c->first_from + c->count && to == c->first_to + c->count) {
		c->count++;
		return;
	}
	close_range(c);
	c->first_from = from;
	c->first_to = to;
	c->count = 1;
}

static struct store *
store_of(const struct changing *c)
{
	return &c->job.handle->account->store;
}

static bool
gather(void *owner, const struct store_message *m)
{
	struct changing *c = owner;

	if (c->only_deleted && !(m->flags & FLAG_DELETED))
		return ++c->looked_at < LOOKED_AT;
	if (c->count == c->room) {
		c->room = c->room == 0 ? PORTION : c->room * 2;
		c->portion = mem_resize(c->portion, c->room * sizeof(*c->portion));
	}
	c->portion[c->count++] = (struct chosen){*m, c->cursor.at};
	return c->kind->is_whole || c->count < PORTION;
}

/* keywords of old with, without, or replaced by those of change. */
static void
merge(struct slice old, struct slice change, uint8_t mode, struct buf *out)
{
	struct slice rest = mode == STORE_REPLACE ? change : old, one, other, word;

	while (ipc_list_next(&rest, &one)) {
		bool listed = false;

		other = change;
		while (mode != STORE_REPLACE && ipc_list_next(&other, &word))
			listed |= slice_equal_nocase(word, one);
		if (!listed)
			ipc_list_add(out, one);
	}
	while (mode == STORE_ADD && ipc_list_next(&change, &one))
		ipc_list_add(out, one);
}

static enum store_result
merge_set(struct changing *c, uint32_t set)
{
	struct buf old = {0}, new = {0};
	bool is_read = store_set_keywords(store_of(c), set, &old);

	if (is_read) {
		merge(buf_slice(&old), buf_slice(&c->keywords), c->mode, &new);
		c->new_set = store_set(store_of(c), buf_slice(&new));
	}
	buf_fini(&old);
	buf_fini(&new);
	if (!is_read)
		return STORE_BROKEN;
	return c->new_set == UINT32_MAX ? STORE_LIMIT : STORE_OK;
}

/* The set that messages with that old one get; neighbours mostly have the same. */
static enum store_result
find_set(struct changing *c, uint32_t old, uint32_t *set)
{
	enum store_result r = STORE_OK;

	*set = old;
	if (c->mode != STORE_REPLACE && c->keywords.len == 0)
		return STORE_OK;
	if (!c->has_set || c->old_set != old)
		r = merge_set(c, old);
	c->has_set = r == STORE_OK;
	c->old_set = old;
	*set = c->new_set;
	return r;
}

static uint32_t
last_of(const struct run *run)
{
	return run->first[run->count - 1].message.uid;
}

static enum store_result
put_flags(struct changing *c, const struct run *run, uint64_t modseq)
{
	struct store_flagging f = {.first = run->first->message.uid,
	    .last = last_of(run),
	    .drop = c->mode == STORE_REPLACE  ? UINT8_MAX
		    : c->mode == STORE_REMOVE ? c->flags
					      : 0,
	    .add = c->mode == STORE_REMOVE ? 0 : c->flags};
	enum store_result r = find_set(c, run->first->message.set, &f.set);

	return r == STORE_OK ? store_flags(store_of(c), c->mailbox, &f, modseq) : r;
}

static enum store_result
expunge(struct changing *c, const struct run *run, uint64_t modseq)
{
	struct store_mailbox box = {.id = c->mailbox};

	return store_expunge(store_of(c), &box, &run->first->message, modseq);
}

static enum store_result
move(struct changing *c, const struct run *run, uint64_t modseq)
{
	const struct store_message *m = &run->first->message;
	struct store_mailbox box = {.id = c->mailbox};
	uint32_t uid;
	enum store_result r = store_move(store_of(c), &box, &c->to, m, modseq, &uid);

	if (r == STORE_OK)
		add_copy(&c->copies, m->uid, uid);
	return r;
}

static enum store_result
copy(struct changing *c, const struct run *run, uint64_t modseq)
{
	const struct store_range all = {
	    c->mailbox, run->first->message.uid, last_of(run), run->count};
	uint32_t uid;
	enum store_result r =
	    run->count == 1 ? store_copy(store_of(c), &c->to, &run->first->message, modseq, &uid)
			    : store_copy_range(store_of(c), &c->to, &all, modseq, &uid);

	for (uint32_t i = 0; r == STORE_OK && i < run->count; i++)
		add_copy(&c->copies, run->first[i].message.uid, uid + i);
	return r;
}

static const struct change_kind flag_change = {
    .change = put_flags, .takes_many = true, .is_soon = true};
static const struct change_kind expunge_change = {.change = expunge, .takes_out = true};
static const struct change_kind move_change = {
    .change = move, .takes_out = true, .has_target = true};
static const struct change_kind rename_change = {
    .change = move, .takes_out = true, .has_target = true, .is_rename = true};
static const struct change_kind copy_change = {
    .change = copy, .takes_many = true, .has_target = true, .is_whole = true};

/* What was expunged before, and all views know: twice as much as a portion adds, so that it cannot
 * grow for ever. A disk that is full is left in peace. */
static enum store_result
forget(struct changing *c)
{
	struct account *a = c->job.handle->account;
	uint64_t known = snapshot_known(a, c->mailbox, feed_known(a, c->mailbox));

	if (!store_has_room(&a->store, 0))
		return STORE_OK;
	return store_forget_gone(&a->store, c->mailbox, known, 2 * PORTION);
}

/* The run that begins at that place of the portion, which then is where the next does. */
static struct run
next_run(const struct changing *c, size_t *at)
{
	const struct chosen *first = &c->portion[*at], *end = c->portion + c->count, *m = first + 1;

	while (c->kind->takes_many && m < end && m->range == first->range &&
	       (c->kind->has_target || m->message.set == first->message.set))
		m++;
	*at = (size_t)(m - c->portion);
	return (struct run){first, (uint32_t)(m - first)};
}

/* The portion, whole or not at all: it has one modseq. */
static enum store_result
change_portion(struct changing *c)
{
	struct store *s = store_of(c);
	enum store_result r = STORE_OK;
	uint64_t modseq;

	if (c->count == 0)
		return STORE_OK;
	if (!store_begin(s))
		return STORE_BROKEN;
	modseq = store_next_modseq(s, c->mailbox);
	for (size_t at = 0; at < c->count && r == STORE_OK;) {
		struct run run = next_run(c, &at);

		r = c->kind->change(c, &run, modseq);
	}
	if (r == STORE_OK && c->kind->has_target)
		r = store_put_uidnext(s, &c->to);
	if (r == STORE_OK && c->kind->takes_out)
		r = forget(c);
	c->count = 0;
	r = store_end(s, r);
	c->has_set = c->has_set && r == STORE_OK;
	return r;
}

static void
answer(struct changing *c)
{
	struct account *a = c->job.handle->account;
	struct am_ok ok = {.modseq = a->store.modseq};
	struct am_copied copied = {.uidvalidity = c->to.uidvalidity};
	struct reply done = {&am_ok_schema, &ok};

	if (c->kind->is_soon) {
		commit_soon(a->store.commit);
		reply_ok(c->job.channel, c->job.id, ok.modseq);
		return;
	}
	close_range(&c->copies);
	if (c->copies.from.len <= AM_COPIED_UIDS) {
		copied.from = buf_slice(&c->copies.from);
		copied.to = buf_slice(&c->copies.to);
	}
	if (c->kind->has_target && !c->kind->is_rename)
		done = (struct reply){&am_copied_schema, &copied};
	reply_durable(a, c->job.channel, c->job.id, done, NULL);
}

/* False, and an answer: one of them is gone. */
static bool
find_mailboxes(struct changing *c)
{
	const struct job *j = &c->job;
	struct store_mailbox from;

	return (c->kind->is_rename
		       ? verb_find_id(j->channel, j->id, j->handle, c->mailbox, &from)
		       : verb_still_views(j->channel, j->id, j->handle, c->mailbox, &from)) &&
	       (!c->kind->has_target ||
		   verb_find_id(j->channel, j->id, j->handle, c->to.id, &c->to));
}

static enum job_state
change_slice(struct job *j)
{
	struct changing *c = (struct changing *)j;
	struct account *a = j->handle->account;
	enum store_result r = STORE_OK;
	bool is_last = false;

	if (!find_mailboxes(c))
		return JOB_DONE;
	/* If the store was opened anew meanwhile, a set that no message had is gone. */
	c->has_set = false;
	do {
		c->looked_at = 0;
		is_last = cursor_walk(&c->cursor, &a->store, c->mailbox, gather, c);
		/* They may not be all; COPY is of all or of none. */
		r = job_has_misread(j) ? STORE_BROKEN : change_portion(c);
	} while (r == STORE_OK && !is_last && !job_is_over_time());
	feed_changed(a, c->mailbox, false);
	if (c->kind->has_target)
		feed_changed(a, c->to.id, false);
	if (r == STORE_OK && !is_last) {
		commit_soon(a->store.commit);
		return JOB_MORE;
	}
	if (r == STORE_OK)
		answer(c);
	else
		reply_result(j->channel, j->id, r);
	return JOB_DONE;
}

static void
change_fini(struct job *j)
{
	struct changing *c = (struct changing *)j;

	cursor_fini(&c->cursor);
	free(c->portion);
	buf_fini(&c->keywords);
	buf_fini(&c->copies.from);
	buf_fini(&c->copies.to);
	free(c);
}

static struct changing *
changing_new(const struct change_kind *kind, uint64_t mailbox, struct slice uids)
{
	struct changing *c = mem_zero(sizeof(*c));

	c->job.slice = change_slice;
	c->job.fini = change_fini;
	c->kind = kind;
	c->mailbox = mailbox;
	cursor_init(&c->cursor, uids);
	return c;
}

void
verb_store(void *owner, struct ipc_message *m)
{
	const struct am_store *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct store_mailbox box;
	struct changing *c;

	if (h == NULL || !verb_viewed(m, h, &box))
		return;
	c = changing_new(&flag_change, box.id, q->uids);
	c->mode = q->mode;
	c->flags = q->flags;
	buf_add_slice(&c->keywords, q->keywords);
	job_start(&c->job, h, m);
}

void
verb_expunge(void *owner, struct ipc_message *m)
{
	const struct am_expunge *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct store_mailbox box;
	struct changing *c;

	if (h == NULL || !verb_viewed(m, h, &box))
		return;
	c = changing_new(&expunge_change, box.id, q->uids);
	c->only_deleted = q->only_deleted != 0;
	job_start(&c->job, h, m);
}

void
verb_copy(void *owner, struct ipc_message *m)
{
	const struct am_copy *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct store_mailbox from, to;
	struct changing *c;

	if (h == NULL || !verb_viewed(m, h, &from) || !verb_named(m, h, q->to, AM_TRYCREATE, &to))
		return;
	c = changing_new(q->move ? &move_change : &copy_change, from.id, q->uids);
	c->to = to;
	job_start(&c->job, h, m);
}

void
verb_rename_inbox(struct ipc_message *m, struct handle *h, const char *name)
{
	struct store *s = &h->account->store;
	struct store_mailbox inbox, to;
	struct buf uids = {0};
	struct changing *c;
	enum store_result r = store_find(s, name, &to);

	r = r == STORE_OK ? STORE_EXISTS : r == STORE_NONE ? store_create(s, name, SLICE("")) : r;
	if (r == STORE_OK)
		r = store_find(s, name, &to);
	if (r == STORE_OK)
		r = store_find(s, "INBOX", &inbox);
	if (r != STORE_OK) {
		reply_result(m->channel, m->id, r);
		return;
	}
	am_range_add(&uids, 1, inbox.uidnext - 1);
	c = changing_new(&rename_change, inbox.id, buf_slice(&uids));
	buf_fini(&uids);
	c->to = to;
	job_start(&c->job, h, m);
}
