/*
 * Invariants:
 * 1. A secret is wiped from memory when its check is over.
 * 2. A good login is remembered only as a keyed hash of name, secret and stored hash, for a while.
 */
#include "smtpd/lookup/authenticate.h"

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/moment.h"
#include "common/conf/child.h"
#include "common/ipc/lookup_parent.h"
#include "common/net/loop.h"
#include "smtpd/lookup/accounts.h"
#include "smtpd/lookup/table.h"

#include <crypt.h>
#include <string.h>

enum { REMEMBERED = 10000, REMEMBER_MS = 300000, CHECK_SECONDS = 15, DELAY_MS = 500, DELAY_MOST_MS = 8000, CLIENTS = 10000 };

struct attempt {
	void (*done)(void *owner, enum al_login_result result, struct slice account);
	void *owner;
	char *user, *client;
	struct buf secret;       /* NUL-terminated by buf_text() */
	char *hash;
	bool is_known, matches;
	uint64_t digest;
	uint32_t request;
	struct timer delay;
};

static struct hash remembered;      /* digest -> when, in ms */
static struct hash failures;        /* client -> how many in a row */
static char dummy[CRYPT_OUTPUT_SIZE];
static uint64_t key[2];

void
authenticate_forget(void)
{
	hash_fini(&remembered);
}

static uint64_t
digest_of(const struct attempt *a)
{
	struct buf all = {0};
	uint64_t digest;

	if (key[0] == 0)
		arc4random_buf(key, sizeof(key));
	buf_add(&all, a->user, strlen(a->user) + 1);
	buf_add(&all, a->hash, strlen(a->hash) + 1);
	buf_add_slice(&all, buf_slice(&a->secret));
	digest = hash_keyed(key, buf_slice(&all));
	explicit_bzero(all.data, all.capacity);
	buf_fini(&all);
	return digest;
}

static bool
is_remembered(uint64_t digest)
{
	intptr_t when = (intptr_t)hash_find(&remembered, HASH_NUMBER(digest));

	return when != 0 && loop_now().ms - when < REMEMBER_MS;
}

static void
remember(uint64_t digest)
{
	if (remembered.count >= REMEMBERED)
		hash_fini(&remembered);
	hash_add(&remembered, HASH_NUMBER(digest), (void *)(intptr_t)loop_now().ms);
}

static void
end(struct attempt *a, enum al_login_result result)
{
	a->done(a->owner, result, slice_of(a->user));
	if (a->secret.data != NULL)
		explicit_bzero(a->secret.data, a->secret.capacity);
	buf_fini(&a->secret);
	free(a->user);
	free(a->client);
	free(a->hash);
	free(a);
}

static void
on_delayed(void *owner)
{
	end(owner, LOGIN_WRONG);
}

/* Each wrong password from a place makes the next answer to it slower. */
static void
end_wrong(struct attempt *a)
{
	intptr_t n = (intptr_t)hash_find(&failures, slice_of(a->client));
	int64_t wait = n >= 5 ? DELAY_MOST_MS : DELAY_MS << n;

	if (failures.count >= CLIENTS)
		hash_fini(&failures);
	hash_add(&failures, slice_of(a->client), (void *)(n + 1));
	timer_init(&a->delay, on_delayed, a);
	timer_start(&a->delay, SPAN_MS(wait > DELAY_MOST_MS ? DELAY_MOST_MS : wait));
}

static void
end_right(struct attempt *a)
{
	hash_remove(&failures, slice_of(a->client));
	end(a, LOGIN_OK);
}

/* In time that does not tell where the first difference is. */
static bool
is_same(const char *a, const char *b)
{
	size_t len = strlen(a);
	unsigned char diff = 0;

	if (len != strlen(b))
		return false;
	for (size_t i = 0; i < len; i++)
		diff |= (unsigned char)(a[i] ^ b[i]);
	return diff == 0;
}

static void
run_crypt(void *arg)
{
	struct attempt *a = arg;
	struct crypt_data *data = calloc(1, sizeof(*data));
	const char *got = data == NULL ? NULL : crypt_r(a->secret.data == NULL ? "" : a->secret.data, a->hash, data);

	a->matches = got != NULL && got[0] != '*' && is_same(got, a->hash);
	free(data);
}

static void
on_crypted(void *arg)
{
	struct attempt *a = arg;

	if (!a->is_known || !a->matches) {
		end_wrong(a);
		return;
	}
	remember(a->digest);
	end_right(a);
}

static void
check_hash(struct attempt *a)
{
	a->digest = digest_of(a);
	if (a->is_known && is_remembered(a->digest))
		end_right(a);
	else
		work_start(run_crypt, on_crypted, a);
}

static void
on_checked(void *owner, struct ipc_message *m)
{
	struct attempt *a = owner;
	const struct lp_checked *c = m->body;

	channel_done(m->channel, m->id);
	if (c->result == CHECK_OK)
		end_right(a);
	else if (c->result == CHECK_WRONG)
		end_wrong(a);
	else
		end(a, LOGIN_TEMPORARY);
}

static void
on_check_ended(void *owner, enum channel_end why)
{
	end(owner, LOGIN_TEMPORARY);
}

/* A name without a domain may be a system user's; root's parent checks that. */
static void
check_system(struct attempt *a)
{
	struct channel_request r = {.answer = on_checked, .ended = on_check_ended, .owner = a,
	    .deadline = SPAN_SECONDS(CHECK_SECONDS)};
	struct lp_check q = {.user = slice_of(a->user), .secret = buf_slice(&a->secret)};
	uint32_t id = channel_request(child_parent(), &r);

	if (id == 0)
		end(a, LOGIN_TEMPORARY);
	else
		lp_check_send(child_parent(), id, &q, -1);
}

static bool
is_name(struct slice user)
{
	for (size_t i = 0; i < user.len; i++) {
		if ((unsigned char)user.data[i] < ' ' || user.data[i] == 127)
			return false;
	}
	return user.len > 0 && user.len <= LIMIT_USER;
}

static void
fold(char *text)
{
	for (; *text != '\0'; text++)
		*text = (char)(*text >= 'A' && *text <= 'Z' ? *text + 32 : *text);
}

/* A hash of the same cost as ours, that no password has. */
static const char *
dummy_hash(void)
{
	struct buf hash = {0};
	struct error why;
	char secret[16];

	if (dummy[0] == '\0') {
		arc4random_buf(secret, sizeof(secret));
		for (size_t i = 0; i < sizeof(secret) - 1; i++)
			secret[i] = (char)('a' + ((unsigned char)secret[i] % 26));
		secret[sizeof(secret) - 1] = '\0';
		if (authenticate_hash(slice_of(secret), &hash, &why))
			strlcpy(dummy, buf_text(&hash), sizeof(dummy));
		buf_fini(&hash);
	}
	return dummy;
}

void
authenticate(const struct al_login *q,
    void (*done)(void *owner, enum al_login_result result, struct slice account), void *owner)
{
	struct attempt *a = mem_zero(sizeof(*a));
	struct buf hash = {0};

	a->done = done;
	a->owner = owner;
	a->user = slice_text(is_name(q->user) ? q->user : SLICE("?"));
	fold(a->user);
	a->client = slice_text(q->client);
	buf_add_slice(&a->secret, q->secret);
	buf_text(&a->secret);
	if (q->table.len > 0)
		a->is_known = table_find(q->table, slice_of(a->user), &hash) == TABLE_FOUND && hash.len > 0;
	else if (strchr(a->user, '@') != NULL)
		a->is_known = accounts_find(slice_of(a->user), &hash);
	else if (is_name(q->user) && strlen(a->user) <= 64 && slice_find(q->user, '/') < 0) {
		check_system(a);
		return;
	}
	a->hash = slice_text(a->is_known ? buf_slice(&hash) : slice_of(dummy_hash()));
	buf_fini(&hash);
	check_hash(a);
}

bool
authenticate_hash(struct slice secret, struct buf *hash, struct error *why)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE], salt[16];
	struct crypt_data *data = mem_zero(sizeof(*data));
	char *copy = slice_text(secret);
	const char *got = NULL;

	arc4random_buf(salt, sizeof(salt));
	if (crypt_gensalt_rn("$y$", 0, salt, sizeof(salt), setting, sizeof(setting)) != NULL ||
	    crypt_gensalt_rn("$6$", 0, salt, sizeof(salt), setting, sizeof(setting)) != NULL)
		got = crypt_r(copy, setting, data);
	explicit_bzero(copy, secret.len);
	free(copy);
	if (got != NULL && got[0] != '*')
		buf_add_text(hash, got);
	free(data);
	return hash->len > 0 || error_set(why, "crypt(3) cannot hash the password");
}
