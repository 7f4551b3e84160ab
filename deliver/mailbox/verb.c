/* The store's verbs: what imapd and pop3d may ask. Each names a handle of the asker's own. */
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/mail/search.h"
#include "deliver/mailbox/grant.h"
#include "deliver/mailbox/verb.h"

#include <string.h>
#include <unistd.h>

enum { BATCH = 60000 };

bool
range_next(struct slice *ranges, uint32_t *first, uint32_t *last)
{
	const unsigned char *p = (const unsigned char *)ranges->data;

	if (ranges->len < 8)
		return false;
	*first = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	*last = (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7];
	*ranges = slice_from(*ranges, 8);
	return true;
}

void
range_add(struct buf *out, uint32_t n)
{
	char octets[4] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};

	buf_add(out, octets, sizeof(octets));
}

/* The handle a message names; NULL and an answer when there is none. */
struct handle *
verb_handle_of(struct ipc_message *m, uint32_t id)
{
	struct handle *h = handle_find(m->channel, id);

	if (h == NULL)
		reply_no(m->channel, m->id, AM_TEMPORARY, "the account is not open any more");
	return h;
}

/* The mailbox the handle views. */
bool
verb_viewed(struct ipc_message *m, const struct handle *h, struct store_mailbox *box)
{
	if (h->viewed != 0 && store_find_id(&h->account->store, h->viewed, box) == STORE_OK)
		return true;
	reply_no(m->channel, m->id, AM_NONEXISTENT, "the mailbox is gone");
	return false;
}

bool
verb_named(struct ipc_message *m, const struct handle *h, struct slice name, enum am_code missing,
    struct store_mailbox *box)
{
	char folded[STORE_NAME];

	store_name_fold(name, folded);
	if (store_find(&h->account->store, folded, box) == STORE_OK && !box->is_noselect)
		return true;
	reply_no(m->channel, m->id, missing, "there is no such mailbox");
	return false;
}

static void
on_open(void *owner, struct ipc_message *m)
{
	const struct am_open *o = m->body;
	struct am_opened opened = {0};
	struct error why = {""};
	struct handle *h;
	struct account *a;
	char name[LIMIT_USER + 1];

	if (!grant_take(o->token, name)) {
		reply_no(m->channel, m->id, AM_AUTHENTICATIONFAILED, "the login has lapsed");
		return;
	}
	a = account_open(slice_of(name), &why);
	if (a == NULL) {
		reply_no(m->channel, m->id, AM_TEMPORARY, "the account cannot be opened now");
		return;
	}
	LIST_FOREACH (h, &mailbox_server.handles, link) {
		if (o->exclusive && h->is_exclusive && h->account == a) {
			account_release(a);
			reply_no(
			    m->channel, m->id, AM_INUSE, "another POP3 session has the maildrop");
			return;
		}
	}
	h = handle_new(m->channel, a, o->exclusive != 0);
	opened.handle = h->id;
	opened.account = slice_of(name);
	am_opened_send(m->channel, m->id, &opened, -1);
}

static void
on_close(void *owner, struct ipc_message *m)
{
	struct handle *h = handle_find(m->channel, ((const struct am_close *)m->body)->handle);

	if (h != NULL)
		handle_free(h);
}

static void
send_mailbox(void *owner, const struct am_mailbox *box)
{
	struct ipc_message *m = owner;

	am_mailbox_send(m->channel, m->id, box, -1);
}

void
verb_say_ok(struct ipc_message *m, uint64_t modseq)
{
	struct am_ok ok = {.modseq = modseq};

	am_ok_send(m->channel, m->id, &ok, -1);
}

static void
on_list(void *owner, struct ipc_message *m)
{
	struct handle *h = verb_handle_of(m, ((const struct am_list *)m->body)->handle);

	if (h == NULL)
		return;
	store_list(&h->account->store, send_mailbox, m);
	verb_say_ok(m, h->account->store.modseq);
}

static void
on_status(void *owner, struct ipc_message *m)
{
	const struct am_status *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct store_mailbox box;
	struct am_status_is is;

	if (h == NULL || !verb_named(m, h, q->name, AM_NONEXISTENT, &box))
		return;
	if (store_status(&h->account->store, &box, &is))
		am_status_is_send(m->channel, m->id, &is, -1);
	else
		reply_no(m->channel, m->id, AM_TEMPORARY, "the mailbox cannot be read now");
}

/* Answers a change of the mailboxes themselves. */
static void
finish(struct ipc_message *m, struct handle *h, enum store_result r)
{
	struct am_ok ok = {.modseq = h->account->store.modseq};

	if (r == STORE_OK)
		reply_durable(h->account, m->channel, m->id, &am_ok_schema, &ok);
	else
		reply_result(m->channel, m->id, r);
}

static void
on_create(void *owner, struct ipc_message *m)
{
	const struct am_create *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	char name[STORE_NAME];

	if (h == NULL)
		return;
	store_name_fold(q->name, name);
	finish(m, h,
	    store_name_is_valid(q->name) ? store_create(&h->account->store, name, q->special_use)
					 : STORE_CANNOT);
}

static void
on_remove(void *owner, struct ipc_message *m)
{
	const struct am_remove *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	char name[STORE_NAME];
	uint64_t id = 0;
	enum store_result r;

	if (h == NULL)
		return;
	store_name_fold(q->name, name);
	r = store_remove(&h->account->store, name, &id);
	finish(m, h, r);
	if (r == STORE_OK)
		feed_changed(h->account, id, true);
}

static void
on_rename(void *owner, struct ipc_message *m)
{
	const struct am_rename *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	char from[STORE_NAME], to[STORE_NAME];
	struct store_mailbox box;

	if (h == NULL)
		return;
	store_name_fold(q->name, from);
	store_name_fold(q->to, to);
	finish(m, h,
	    store_name_is_valid(q->to) ? store_rename(&h->account->store, from, to) : STORE_CANNOT);
	if (strcmp(from, "INBOX") == 0 && store_find(&h->account->store, from, &box) == STORE_OK)
		feed_changed(h->account, box.id, false);
}

static void
on_subscribe(void *owner, struct ipc_message *m)
{
	const struct am_subscribe *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	char name[STORE_NAME];

	if (h == NULL)
		return;
	store_name_fold(q->name, name);
	finish(m, h,
	    store_name_is_valid(q->name) ? store_subscribe(&h->account->store, name, q->on != 0)
					 : STORE_CANNOT);
}

static void
on_search(void *owner, struct ipc_message *m)
{
	const struct am_search *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct store_mailbox box;
	struct buf uids = {0};

	if (h == NULL || !verb_viewed(m, h, &box))
		return;
	if (!search_is_valid(q->program)) {
		channel_violation(m->channel, "program");
		return;
	}
	search_run(&h->account->store, box.id, q->uids, q->program, &uids);
	for (size_t at = 0; at < uids.len; at += BATCH) {
		struct am_found found = {.uids = slice_sub(buf_slice(&uids), at, BATCH)};

		am_found_send(m->channel, m->id, &found, -1);
	}
	buf_fini(&uids);
	verb_say_ok(m, h->account->store.modseq);
}

/* Messages of ranges, gathered before they are changed under the reader. */
struct gathered {
	struct store_message *list;
	size_t count;
};

static bool
gather(void *owner, const struct store_message *m)
{
	struct gathered *g = owner;

	if ((g->count & (g->count - 1)) == 0)
		g->list =
		    mem_resize(g->list, (g->count == 0 ? 1 : g->count * 2) * sizeof(*g->list));
	g->list[g->count++] = *m;
	return true;
}

static struct gathered
gather_all(struct store *s, uint64_t mailbox, struct slice ranges)
{
	struct gathered g = {.list = NULL};
	uint32_t first, last;

	while (range_next(&ranges, &first, &last))
		store_each(s, mailbox, first, last, 0, gather, &g);
	return g;
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

static void
on_store(void *owner, struct ipc_message *m)
{
	const struct am_store *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct store_mailbox box;
	struct gathered g;
	enum store_result r = STORE_OK;
	struct store *s;

	if (h == NULL || !verb_viewed(m, h, &box))
		return;
	s = &h->account->store;
	g = gather_all(s, box.id, q->uids);
	for (size_t i = 0; i < g.count && r == STORE_OK; i++) {
		uint8_t flags = g.list[i].flags;
		struct buf old = {0}, new = {0};
		uint32_t set = g.list[i].set;

		flags = q->mode == STORE_REPLACE ? q->flags
			: q->mode == STORE_ADD   ? flags | q->flags
						 : flags & (uint8_t)~q->flags;
		if (q->mode == STORE_REPLACE || q->keywords.len > 0) {
			store_set_keywords(s, set, &old);
			merge(buf_slice(&old), q->keywords, q->mode, &new);
			set = commit_begin(s->commit) ? store_set(s, buf_slice(&new)) : UINT32_MAX;
		}
		r = set == UINT32_MAX ? STORE_LIMIT : store_flags(s, &box, &g.list[i], flags, set);
		buf_fini(&old);
		buf_fini(&new);
	}
	free(g.list);
	commit_soon(s->commit);
	if (r == STORE_OK)
		verb_say_ok(m, s->modseq);
	else
		reply_result(m->channel, m->id, r);
	feed_changed(h->account, box.id, false);
}

static void
on_expunge(void *owner, struct ipc_message *m)
{
	const struct am_expunge *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct store_mailbox box;
	struct gathered g;
	enum store_result r = STORE_OK;
	struct store *s;

	if (h == NULL || !verb_viewed(m, h, &box))
		return;
	s = &h->account->store;
	g = gather_all(s, box.id, q->uids);
	if (!commit_save(s->commit))
		r = STORE_BROKEN;
	for (size_t i = 0; i < g.count && r == STORE_OK; i++) {
		if (!q->only_deleted || (g.list[i].flags & FLAG_DELETED))
			r = store_expunge(s, &box, &g.list[i]);
	}
	free(g.list);
	if (r == STORE_OK)
		commit_keep(s->commit);
	else
		commit_undo(s->commit);
	finish(m, h, r);
	feed_changed(h->account, box.id, false);
}

static void
on_append(void *owner, struct ipc_message *m)
{
	const struct am_append *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct store_new n = {.octets = q->octets,
	    .fd = q->spool == 0 ? -1 : spool_take(m->channel, q->spool),
	    .size = q->size,
	    .date = q->date == 0 ? civil_now() : q->date,
	    .flags = q->flags,
	    .keywords = q->keywords};
	struct store_mailbox box;
	struct am_appended done;
	enum store_result r;

	if (h != NULL && verb_named(m, h, q->name, AM_TRYCREATE, &box)) {
		if ((q->spool == 0 && q->octets.len != q->size) || (q->spool != 0 && n.fd < 0)) {
			channel_violation(m->channel, "size");
		} else if ((r = store_add(&h->account->store, &box, &n, &done.uid)) != STORE_OK) {
			reply_result(m->channel, m->id, r);
		} else {
			done.uidvalidity = box.uidvalidity;
			reply_durable(h->account, m->channel, m->id, &am_appended_schema, &done);
			feed_changed(h->account, box.id, false);
		}
	}
	if (n.fd >= 0)
		close(n.fd);
}

static void
on_copy(void *owner, struct ipc_message *m)
{
	const struct am_copy *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct store_mailbox from, to;
	struct buf sources = {0}, copies = {0};
	struct am_copied done = {0};
	enum store_result r = STORE_OK;
	struct gathered g;
	struct store *s;

	if (h == NULL || !verb_viewed(m, h, &from) || !verb_named(m, h, q->to, AM_TRYCREATE, &to))
		return;
	s = &h->account->store;
	g = gather_all(s, from.id, q->uids);
	if (!commit_save(s->commit))
		r = STORE_BROKEN;
	for (size_t i = 0; i < g.count && r == STORE_OK; i++) {
		uint32_t uid;

		r = store_copy(s, &from, &to, &g.list[i], &uid);
		for (int k = 0; k < 2; k++) {
			range_add(&sources, g.list[i].uid);
			range_add(&copies, uid);
		}
		if (r == STORE_OK && q->move)
			r = store_expunge(s, &from, &g.list[i]);
	}
	free(g.list);
	if (r == STORE_OK)
		commit_keep(s->commit);
	else
		commit_undo(s->commit);
	done.uidvalidity = to.uidvalidity;
	done.from = slice_sub(buf_slice(&sources), 0, BATCH / 8 * 8);
	done.to = slice_sub(buf_slice(&copies), 0, BATCH / 8 * 8);
	if (r == STORE_OK)
		reply_durable(h->account, m->channel, m->id, &am_copied_schema, &done);
	else
		reply_result(m->channel, m->id, r);
	buf_fini(&sources);
	buf_fini(&copies);
	feed_changed(h->account, to.id, false);
	if (q->move)
		feed_changed(h->account, from.id, false);
}


const struct ipc_handler verbs[] = {
    {&am_open_schema, on_open},
    {&am_close_schema, on_close},
    {&am_list_schema, on_list},
    {&am_status_schema, on_status},
    {&am_create_schema, on_create},
    {&am_remove_schema, on_remove},
    {&am_rename_schema, on_rename},
    {&am_subscribe_schema, on_subscribe},
    {&am_view_schema, verb_view},
    {&am_unview_schema, verb_unview},
    {&am_changes_schema, verb_changes},
    {&am_search_schema, on_search},
    {&am_store_schema, on_store},
    {&am_expunge_schema, on_expunge},
    {&am_append_schema, on_append},
    {&am_copy_schema, on_copy},
    {&am_fetch_schema, fetch_begin},
    {&am_more_schema, fetch_more},
    {&am_spool_schema, spool_begin},
    {NULL, NULL},
};
