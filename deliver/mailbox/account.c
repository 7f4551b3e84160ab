/*
 * Accounts, open while somebody uses them and a while after. One function makes a path of a
 * name: nothing that a name holds can lead outside the mail folder.
 */
#include "deliver/mailbox/server.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/moment.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { OPEN_MOST = 256, COMPONENT = 255 };

struct mailbox_server mailbox_server;

/* Letters, digits and a few signs stand for themselves; all else becomes %XX. */
static bool
add_component(struct buf *path, struct slice s)
{
	size_t start = path->len;

	if (s.len == 0)
		return false;
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
			     c == '_' || (c == '.' && i > 0);

		if (plain)
			buf_add_char(path, (char)c);
		else
			buf_printf(path, "%%%02X", c);
	}
	return path->len - start <= COMPONENT;
}

static bool
folder_of(struct slice name, char out[1000], struct error *why)
{
	ptrdiff_t at = slice_find_last(name, '@');
	struct buf path = {0};
	bool ok;

	buf_add_text(&path, mailbox_server.mail_path);
	buf_add_char(&path, '/');
	ok = add_component(&path, at < 0 ? SLICE("local") : slice_from(name, (size_t)at + 1));
	if (ok && mkdir(buf_text(&path), 0700) < 0 && errno != EEXIST)
		ok = error_errno(why, "cannot make %s", buf_text(&path));
	buf_add_char(&path, '/');
	ok = ok && add_component(&path, at < 0 ? name : slice_sub(name, 0, (size_t)at));
	if (ok && mkdir(buf_text(&path), 0700) < 0 && errno != EEXIST)
		ok = error_errno(why, "cannot make %s", buf_text(&path));
	ok = ok && slice_copy(buf_slice(&path), out, 1000);
	buf_fini(&path);
	return ok;
}

static void
close_account(struct account *a)
{
	store_close(&a->store);
	LIST_REMOVE(a, link);
	mailbox_server.account_count--;
	free(a->name);
	free(a);
}

/* A commit that failed: the account begins anew from what is on disk, its handles are gone. */
static void
on_broken(void *owner)
{
	struct account *a = owner;
	struct handle *h, *next;

	a->is_broken = true;
	a->uses++;
	LIST_FOREACH_SAFE (h, &mailbox_server.handles, link, next) {
		if (h->account == a) {
			struct am_changed m = {.handle = h->id, .removed = 1};

			am_changed_send(h->channel, 0, &m, -1);
			handle_free(h);
		}
	}
	account_release(a);
}

static void
close_idle(void)
{
	struct account *a, *oldest = NULL;

	if (mailbox_server.account_count < OPEN_MOST)
		return;
	LIST_FOREACH (a, &mailbox_server.accounts, link) {
		if (a->uses == 0 && (oldest == NULL || a->touched < oldest->touched))
			oldest = a;
	}
	if (oldest != NULL)
		close_account(oldest);
}

struct account *
account_open(struct slice name, struct error *why)
{
	struct account *a;
	char folder[1000];

	LIST_FOREACH (a, &mailbox_server.accounts, link) {
		if (slice_equal_text(name, a->name) && !a->is_broken) {
			a->uses++;
			a->touched = moment_now().ms;
			return a;
		}
	}
	close_idle();
	if (!folder_of(name, folder, why))
		return NULL;
	a = mem_zero(sizeof(*a));
	if (!store_open(&a->store, folder, on_broken, a, why)) {
		log_error("account %.*s: %s", SLICE_FMT(name), why->text);
		free(a);
		return NULL;
	}
	a->name = slice_text(name);
	a->uses = 1;
	a->touched = moment_now().ms;
	LIST_INSERT_HEAD(&mailbox_server.accounts, a, link);
	mailbox_server.account_count++;
	return a;
}

void
account_release(struct account *a)
{
	a->touched = moment_now().ms;
	if (--a->uses == 0 && a->is_broken)
		close_account(a);
}

void
accounts_close_all(void)
{
	while (!LIST_EMPTY(&mailbox_server.accounts))
		close_account(LIST_FIRST(&mailbox_server.accounts));
}

struct handle *
handle_find(struct channel *c, uint32_t id)
{
	struct handle *h;

	LIST_FOREACH (h, &mailbox_server.handles, link) {
		if (h->id == id && h->channel == c)
			return h;
	}
	return NULL;
}

struct handle *
handle_new(struct channel *c, struct account *a, bool exclusive)
{
	struct handle *h = mem_zero(sizeof(*h));

	h->channel = c;
	h->id = ++mailbox_server.next_handle;
	h->account = a;
	h->is_exclusive = exclusive;
	LIST_INSERT_HEAD(&mailbox_server.handles, h, link);
	mailbox_server.handle_count++;
	return h;
}

void
handle_free(struct handle *h)
{
	LIST_REMOVE(h, link);
	mailbox_server.handle_count--;
	account_release(h->account);
	free(h);
}

void
handles_forget(struct channel *c)
{
	struct handle *h, *next;

	LIST_FOREACH_SAFE (h, &mailbox_server.handles, link, next) {
		if (h->channel == c)
			handle_free(h);
	}
}

void
feed_changed(struct account *a, uint64_t mailbox, bool removed)
{
	struct handle *h;

	LIST_FOREACH (h, &mailbox_server.handles, link) {
		struct am_changed m = {
		    .handle = h->id, .modseq = a->store.modseq, .removed = removed};

		if (h->account == a && h->viewed == mailbox)
			am_changed_send(h->channel, 0, &m, -1);
	}
}
