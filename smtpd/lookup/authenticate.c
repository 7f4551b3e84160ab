/*
 * Invariants:
 * 1. A secret is wiped when its check is over, and stands in no log.
 * 2. Every attempt that is not remembered as right costs one hash, whoever it is about.
 */
#include "smtpd/lookup/authenticate.h"

#include "common/base/mem.h"
#include "common/base/password.h"
#include "common/base/recent.h"
#include "common/base/utf8.h"
#include "common/conf/child.h"
#include "common/ipc/lookup_parent.h"
#include "common/net/loop.h"
#include "smtpd/lookup/accounts.h"
#include "smtpd/lookup/guard.h"

#include <string.h>

enum { CHECK_SECONDS = 15 };

/*
 * Logins that were right a while ago, so that a client which comes every minute costs no hash. They
 * hang on the stored hash, too: a new password makes the old one forgotten.
 */
static struct recent right = RECENT(right, LIMIT_REMEMBERED, LIMIT_REMEMBER_SECONDS * 1000, NULL);

struct attempt {
	struct guard_ticket ticket;
	void (*done)(void *owner, enum al_login_result result, struct slice account);
	void *owner;
	char *account; /* canonical; "" when nobody can have the name */
	char *secret;
	char *hash; /* what is stored; NULL: the name is unknown */
	char *like; /* some hash of the same table; NULL: none */
	bool is_system, matches;
	struct digest digest;
	struct timer held; /* bad news waits */
};

static void
end(struct attempt *a, enum al_login_result result)
{
	a->done(a->owner, result, result == LOGIN_OK ? slice_of(a->account) : SLICE(""));
	explicit_bzero(a->secret, strlen(a->secret));
	free(a->account);
	free(a->secret);
	free(a->hash);
	free(a->like);
	free(a);
}

static void
on_held(void *owner)
{
	end(owner, LOGIN_WRONG);
}

static void
decide(struct attempt *a, enum al_login_result result)
{
	struct span held = SPAN_MS(0);

	switch (result) {
	case LOGIN_OK:
		if (a->hash != NULL)
			recent_add(&right, a->digest, NULL, loop_now());
		guard_leave(&a->ticket, GUARD_RIGHT);
		break;
	case LOGIN_WRONG:
		held = guard_leave(&a->ticket, GUARD_WRONG);
		break;
	case LOGIN_TEMPORARY:
		guard_leave(&a->ticket, GUARD_UNDECIDED);
		break;
	}
	if (held.ms == 0) {
		end(a, result);
		return;
	}
	timer_init(&a->held, on_held, a);
	timer_start(&a->held, held);
}

static void
run_crypt(void *arg)
{
	struct attempt *a = arg;

	a->matches = password_matches(a->secret, a->hash, a->like);
}

static void
on_crypted(void *arg)
{
	struct attempt *a = arg;

	decide(a, a->matches ? LOGIN_OK : LOGIN_WRONG);
}

static void
on_checked(void *owner, struct ipc_message *m)
{
	struct attempt *a = owner;
	const struct lp_checked *c = m->body;

	if (m->schema != &lp_checked_schema) {
		channel_violation(m->channel, m->schema->name);
		return;
	}
	channel_done(m->channel, m->id);
	decide(a, c->result == CHECK_OK      ? LOGIN_OK
		  : c->result == CHECK_WRONG ? LOGIN_WRONG
					     : LOGIN_TEMPORARY);
}

static void
on_check_ended(void *owner, enum channel_end why)
{
	decide(owner, LOGIN_TEMPORARY);
}

/* A system user's password is readable to root alone: the parent checks it. */
static void
ask_parent(struct attempt *a)
{
	struct channel_request r = {.answer = on_checked,
	    .ended = on_check_ended,
	    .owner = a,
	    .deadline = SPAN_SECONDS(CHECK_SECONDS)};
	struct lp_check q = {.user = slice_of(a->account), .secret = slice_of(a->secret)};

	if (lp_check_ask(child_parent(), &r, &q) == 0)
		decide(a, LOGIN_TEMPORARY);
}

static void
on_turn(void *owner, bool in_time)
{
	struct attempt *a = owner;

	if (!in_time)
		end(a, LOGIN_TEMPORARY);
	else if (a->is_system)
		ask_parent(a);
	else
		work_start(run_crypt, on_crypted, a);
}

/* Printable UTF-8 of a bounded length. */
static bool
is_name(struct slice user)
{
	return user.len > 0 && user.len <= LIMIT_USER && utf8_is_printable(user);
}

/* What useradd(8) could have made, so that nothing else troubles the system's name service. */
static bool
is_system_name(struct slice user)
{
	for (size_t i = 0; i < user.len; i++) {
		char c = user.data[i];

		if (c <= ' ' || c > '~' || c == '/' || c == ':' || c == ',' || c == '@')
			return false;
	}
	return user.len > 0 && user.len <= LIMIT_SYSTEM_USER && user.data[0] != '-';
}

/* The canonical name, and where its hash comes from. */
static enum table_result
find_account(struct attempt *a, struct slice table, struct slice user, struct buf *hash)
{
	bool is_accounts = table.len == 0 || table_is(table, &table_accounts);
	struct buf name = {0};

	if (is_accounts && account_fold(user, &name) && name.len <= LIMIT_USER) {
		a->account = buf_take(&name, NULL);
		return accounts_find(slice_of(a->account), hash);
	}
	buf_fini(&name);
	a->account = slice_text_lower(user);
	if (table.len == 0 || table_is(table, &table_system)) {
		a->is_system = is_system_name(slice_of(a->account));
		return TABLE_NONE;
	}
	return is_accounts ? TABLE_NONE : table_find(table, TABLE_CREDENTIALS, user, hash);
}

static enum table_result
find_hash(struct attempt *a, const struct al_login *q)
{
	bool can_be = is_name(q->user) && slice_find(q->secret, '\0') < 0;
	struct buf hash = {0}, like = {0};
	enum table_result result = TABLE_NONE;

	if (can_be)
		result = find_account(a, q->table, q->user, &hash);
	else
		a->account = slice_text(SLICE(""));
	if (result == TABLE_FOUND && hash.len > 0)
		a->hash = buf_take(&hash, NULL);
	if (q->table.len == 0 || table_is(q->table, &table_accounts)
		? accounts_sample(&like)
		: table_sample(q->table, &like))
		a->like = buf_take(&like, NULL);
	buf_fini(&hash);
	buf_fini(&like);
	return result;
}

void
authenticate(const struct al_login *q,
    void (*done)(void *owner, enum al_login_result result, struct slice account), void *owner)
{
	struct attempt *a = mem_zero(sizeof(*a));
	ptrdiff_t nul = slice_find(q->secret, '\0');
	enum table_result result;
	void *unused;

	a->done = done;
	a->owner = owner;
	a->secret = slice_text(nul < 0 ? q->secret : slice_sub(q->secret, 0, (size_t)nul));
	result = find_hash(a, q);
	if (result == TABLE_TEMPORARY) {
		end(a, LOGIN_TEMPORARY);
		return;
	}
	a->digest = digest_of((const struct slice[]){q->table, slice_of(a->account),
				  slice_of(a->hash), slice_of(a->secret)},
	    4);
	/* Of a user of the system only the system knows whether a password that was right
	 * still is. */
	if (a->hash != NULL && recent_find(&right, a->digest, loop_now(), &unused))
		end(a, LOGIN_OK);
	else
		guard_enter(&a->ticket, q->client, on_turn, a);
}

void
authenticate_forget(void)
{
	recent_forget_all(&right);
}
