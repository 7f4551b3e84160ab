/* The store's verbs: what imapd and pop3d may ask. Each names a handle of the asker's own. */
#include "deliver/mailbox/verb/verb.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/mail/mailbox_name.h"
#include "deliver/mailbox/grant.h"
#include "deliver/mailbox/search/signer.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/verb/fetch.h"
#include "deliver/mailbox/verb/spool.h"

#include <string.h>

/* The handle a message names; NULL and an answer when there is none. */
struct handle *
verb_handle_of(struct ipc_message *m, uint32_t id)
{
	struct handle *h = handle_find(m->channel, id);
	struct error why = {""};

	if (h != NULL && account_resume(h->account, &why))
		return h;
	reply_no(m->channel, m->id, AM_TEMPORARY,
	    h == NULL ? "the account is not open any more" : "the account cannot be opened now");
	return NULL;
}

bool
verb_find_id(struct channel *c, uint32_t id, const struct handle *h, uint64_t mailbox,
    struct store_mailbox *box)
{
	struct store *s = &h->account->store;

	enum store_result r = mailbox == 0 ? STORE_NONE : store_find_id(s, mailbox, box);

	if (r == STORE_NONE)
		reply_no(c, id, AM_NONEXISTENT, "the mailbox is gone");
	else if (r != STORE_OK)
		reply_misread(c, id, s);
	return r == STORE_OK;
}

bool
verb_still_views(struct channel *c, uint32_t id, const struct handle *h, uint64_t mailbox,
    struct store_mailbox *box)
{
	return verb_find_id(c, id, h, h->viewed == mailbox ? mailbox : 0, box);
}

bool
verb_viewed(struct ipc_message *m, const struct handle *h, struct store_mailbox *box)
{
	return verb_find_id(m->channel, m->id, h, h->viewed, box);
}

void
verb_fold_name(struct slice name, char folded[STORE_NAME])
{
	slice_copy(name, folded, STORE_NAME);
	mailbox_name_fold(folded, strlen(folded));
}

bool
verb_named(struct ipc_message *m, const struct handle *h, struct slice name, enum am_code missing,
    struct store_mailbox *box)
{
	struct store *s = &h->account->store;
	unsigned errors = db_errors(s->db);
	char folded[STORE_NAME];

	verb_fold_name(name, folded);
	if (store_find(s, folded, box) == STORE_OK && !box->is_noselect)
		return true;
	if (db_errors(s->db) != errors)
		reply_misread(m->channel, m->id, s);
	else
		reply_no(m->channel, m->id, missing, "there is no such mailbox");
	return false;
}

static bool
has_exclusive(const struct account *a)
{
	struct handle *h;

	LIST_FOREACH (h, &a->handles, link) {
		if (h->is_exclusive)
			return true;
	}
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
	if (o->exclusive && has_exclusive(a)) {
		account_release(a);
		reply_no(m->channel, m->id, AM_INUSE, "another POP3 session has the maildrop");
		return;
	}
	if (!o->exclusive && !a->is_browsed) {
		a->is_browsed = true;
		signer_add(a);
	}
	h = handle_new(m->channel, a, o->exclusive != 0);
	account_release(a);
	if (h == NULL) {
		reply_no(m->channel, m->id, AM_TEMPORARY, "too many sessions are open now");
		return;
	}
	opened.handle = h->id;
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

static void
on_list(void *owner, struct ipc_message *m)
{
	struct handle *h = verb_handle_of(m, ((const struct am_list *)m->body)->handle);
	struct store *s;
	unsigned errors;

	if (h == NULL)
		return;
	s = &h->account->store;
	errors = db_errors(s->db);
	store_list(s, send_mailbox, m);
	if (db_errors(s->db) == errors)
		reply_ok(m->channel, m->id, s->modseq);
	else
		reply_misread(m->channel, m->id, s);
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
		reply_durable(
		    h->account, m->channel, m->id, (struct reply){&am_ok_schema, &ok}, NULL);
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
	verb_fold_name(q->name, name);
	finish(m, h,
	    mailbox_name_is_valid(q->name) ? store_create(&h->account->store, name, q->special_use)
					   : STORE_CANNOT);
}

static void
on_rename(void *owner, struct ipc_message *m)
{
	const struct am_rename *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	char from[STORE_NAME], to[STORE_NAME];

	if (h == NULL)
		return;
	verb_fold_name(q->name, from);
	verb_fold_name(q->to, to);
	if (!mailbox_name_is_valid(q->to))
		finish(m, h, STORE_CANNOT);
	else if (strcmp(from, "INBOX") == 0)
		verb_rename_inbox(m, h, to);
	else
		finish(m, h, store_rename(&h->account->store, from, to));
}

static void
on_subscribe(void *owner, struct ipc_message *m)
{
	const struct am_subscribe *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	char name[STORE_NAME];

	if (h == NULL)
		return;
	verb_fold_name(q->name, name);
	finish(m, h,
	    mailbox_name_is_valid(q->name) ? store_subscribe(&h->account->store, name, q->on != 0)
					   : STORE_CANNOT);
}

const struct ipc_handler verbs[] = {
    {&am_open_schema, on_open},
    {&am_close_schema, on_close},
    {&am_list_schema, on_list},
    {&am_status_schema, on_status},
    {&am_create_schema, on_create},
    {&am_remove_schema, verb_remove},
    {&am_rename_schema, on_rename},
    {&am_subscribe_schema, on_subscribe},
    {&am_view_schema, verb_view},
    {&am_unview_schema, verb_unview},
    {&am_changes_schema, verb_changes},
    {&am_search_schema, verb_search},
    {&am_store_schema, verb_store},
    {&am_expunge_schema, verb_expunge},
    {&am_append_schema, verb_append},
    {&am_copy_schema, verb_copy},
    {&am_fetch_schema, verb_fetch},
    {&am_more_schema, verb_more},
    {&am_spool_schema, verb_spool},
    {NULL, NULL},
};
