/*
 * Accounts. At most LIMIT_OPEN_ACCOUNTS stores are open, and no more than half of the descriptors
 * are theirs, but for those that have work in hand: the longest untouched closes first, and opens
 * again when it is asked for. One function makes a path of a name: nothing that a name holds can
 * lead outside the mail folder.
 */
#include "deliver/mailbox/account.h"

#include "common/base/folder.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/loop.h"
#include "deliver/mailbox/batch.h"
#include "deliver/mailbox/feed.h"
#include "deliver/mailbox/search/signer.h"
#include "deliver/mailbox/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMPONENT = 255, REST_SECONDS = 30, DESCRIPTORS = 4 /* of an open store */ };

static struct {
	struct hash by_name;
	TAILQ_HEAD(accounts_idle, account) idle;
	struct timer rest;
	size_t open, most_open;
	uint64_t touched;
	char mail_path[1024];
} accounts;

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

/* A folder that is new stands in the one above it for good before anything is said to be in it. */
static bool
make_folder(const char *path, struct error *why)
{
	char above[1000];

	if (mkdir(path, 0700) < 0)
		return errno == EEXIST || error_errno(why, "cannot make %s", path);
	slice_copy(slice_sub(slice_of(path), 0, (size_t)(strrchr(path, '/') - path)), above,
	    sizeof(above));
	if (!folder_sync(open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC))) {
		error_errno(why, "cannot sync %s", above);
		rmdir(path);
		return false;
	}
	return true;
}

static bool
folder_of(struct slice name, char out[1000], struct error *why)
{
	ptrdiff_t at = slice_find_last(name, '@');
	struct buf path = {0};
	bool ok;

	buf_add_text(&path, accounts.mail_path);
	buf_add_char(&path, '/');
	ok = add_component(&path, at < 0 ? SLICE("local") : slice_from(name, (size_t)at + 1));
	ok = ok && make_folder(buf_text(&path), why);
	buf_add_char(&path, '/');
	ok = ok && add_component(&path, at < 0 ? name : slice_sub(name, 0, (size_t)at));
	ok = ok && make_folder(buf_text(&path), why) && slice_copy(buf_slice(&path), out, 1000);
	buf_fini(&path);
	return ok;
}

static void
on_rest(void *owner)
{
	if (accounts_rest(SPAN_SECONDS(REST_SECONDS)))
		timer_start(&accounts.rest, SPAN_SECONDS(REST_SECONDS));
}

static size_t
most_open(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 ||
	    files.rlim_cur / 2 / DESCRIPTORS >= LIMIT_OPEN_ACCOUNTS)
		return LIMIT_OPEN_ACCOUNTS;
	return (size_t)(files.rlim_cur / 2 / DESCRIPTORS);
}

void
accounts_init(const char *mail_path)
{
	accounts.most_open = most_open();
	timer_init(&accounts.rest, on_rest, NULL);
	hash_init(&accounts.by_name);
	TAILQ_INIT(&accounts.idle);
	snprintf(accounts.mail_path, sizeof(accounts.mail_path), "%s", mail_path);
}

void
accounts_fini(void)
{
	timer_stop(&accounts.rest);
	hash_fini(&accounts.by_name);
}

size_t
accounts_open(void)
{
	return accounts.open;
}

uint64_t
accounts_touched(void)
{
	return accounts.touched;
}

size_t
accounts_known(void)
{
	return accounts.by_name.count;
}

void
account_forget_unless_used(struct account *a)
{
	if (a->is_open || a->work > 0 || !LIST_EMPTY(&a->handles))
		return;
	hash_remove(&accounts.by_name, slice_of(a->name));
	free(a->name);
	free(a);
}

/* Nothing is in hand of it, and it is the last to close. */
static void
to_idle(struct account *a)
{
	TAILQ_INSERT_TAIL(&accounts.idle, a, idle);
	a->touched = loop_now();
	a->is_resting = false;
	if (!timer_is_running(&accounts.rest))
		timer_start(&accounts.rest, SPAN_SECONDS(REST_SECONDS));
}

void
account_hold(struct account *a)
{
	if (a->work++ == 0)
		TAILQ_REMOVE(&accounts.idle, a, idle);
}

void
account_release(struct account *a)
{
	if (--a->work > 0)
		return;
	if (a->is_open)
		to_idle(a);
	account_forget_unless_used(a);
}

/* Whoever waits is refused by this, and lets go of the account. */
static void
close_store(struct account *a)
{
	account_hold(a);
	batch_forget(a);
	signer_forget(a);
	snapshots_forget(a);
	store_close(&a->store);
	a->is_open = false;
	accounts.open--;
	account_release(a);
}

/* Everybody who waited was refused. What sessions saw may be lost, so their views end; the next
 * who asks reads what is on the disk. */
static void
on_broken(void *owner)
{
	struct account *a = owner;

	feed_lost(a);
	close_store(a);
}

/* Who has the account's name after its folder was deleted is somebody else. */
static bool
close_if_gone(struct account *a)
{
	if (!a->is_open || a->work > 0 || db_is_there(a->store.db))
		return false;
	log_warning("account %s: its files were removed or moved, and are closed", a->name);
	feed_lost(a);
	close_store(a);
	return true;
}

bool
accounts_rest(struct span untouched)
{
	struct account *a, *next;
	bool is_any_awake = false, is_any_new = false;

	TAILQ_FOREACH_REVERSE_SAFE(a, &accounts.idle, accounts_idle, idle, next)
	{
		if (close_if_gone(a)) {
			is_any_new = true;
		} else if (a->is_resting) {
			continue;
		} else if (!moment_reached(moment_after(a->touched, untouched), loop_now())) {
			is_any_awake = true;
		} else {
			store_rest(&a->store);
			a->is_resting = is_any_new = true;
		}
	}
	if (is_any_new)
		mem_give_back();
	return is_any_awake;
}

static void
make_room(void)
{
	struct account *a;

	while (accounts.open >= accounts.most_open && (a = TAILQ_FIRST(&accounts.idle)) != NULL)
		close_store(a);
	/* Too many for now: at least none stays open only to wait for company. */
	if (accounts.open >= accounts.most_open)
		batches_finish();
}

bool
account_resume(struct account *a, struct error *why)
{
	char folder[1000];

	accounts.touched++;
	if (a->is_open) {
		if (a->work == 0) {
			TAILQ_REMOVE(&accounts.idle, a, idle);
			to_idle(a);
		}
		return true;
	}
	make_room();
	if (!folder_of(slice_of(a->name), folder, why) ||
	    !store_open(&a->store, folder, on_broken, a, why)) {
		log_error("account %s: %s", a->name, why->text);
		return false;
	}
	a->is_open = true;
	a->openings++;
	accounts.open++;
	signer_add(a);
	if (a->work == 0)
		to_idle(a);
	return true;
}

struct account *
account_open(struct slice name, struct error *why)
{
	struct account *a = hash_find(&accounts.by_name, name);

	if (a != NULL && close_if_gone(a))
		a = hash_find(&accounts.by_name, name);
	if (a == NULL) {
		a = mem_zero(sizeof(*a));
		a->name = slice_text(name);
		LIST_INIT(&a->handles);
		LIST_INIT(&a->snapshots);
		hash_add(&accounts.by_name, name, a);
	}
	if (!account_resume(a, why)) {
		account_forget_unless_used(a);
		return NULL;
	}
	account_hold(a);
	return a;
}

void
accounts_close_all(void)
{
	while (accounts.open > 0) {
		struct hash_walk walk = {0};
		struct slice name;
		void *a;

		while (hash_next(&accounts.by_name, &walk, &name, &a)) {
			if (((struct account *)a)->is_open)
				break;
		}
		close_store(a);
	}
}
