/*
 * One account after the other, in portions of a few milliseconds with a pause after each, and none
 * before the process has been left alone for a while: between two portions whoever asks is heard.
 * A portion is one commit, which nobody syncs. Large bodies go to the pool, one at a time.
 *
 * POP3 never searches, nor does anybody where mail only comes in: those accounts pay nothing. Where
 * imapd was once, bodies are signed as they come, while they are at hand.
 */
#include "deliver/mailbox/search/signer.h"

#include "common/base/log.h"
#include "common/net/loop.h"
#include "deliver/mailbox/search/text.h"
#include "deliver/mailbox/store/form.h"
#include "deliver/mailbox/store/index.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/octets.h"
#include "deliver/mailbox/store/signature.h"

/* REST: of an account whose signatures could not be kept. PORTION: the most of them in a commit. */
enum { QUIET_MS = 50, SLICE_MS = 2, PAUSE_MS = 2, REST_MS = 600000, PORTION = 64 };

enum state { SIGNED, MORE, BUSY, POOLED, FAILED };

/* A large body, which takes long. */
struct large {
	struct account *account; /* NULL: none, or its store was closed while it was in the pool */
	uint64_t body;
	struct octets octets;
	struct store_index index;
	struct buf bits;
	bool is_pooled;
};

struct portion {
	struct store *store;
	struct moment ends;
	uint64_t below;  /* all bodies below were looked at */
	uint64_t large;  /* the next one, which goes to the pool; 0: none */
	struct buf bits; /* of all, one after the other */
	size_t count;
	struct {
		uint64_t body;
		size_t octets;
	} list[PORTION];
};

static struct {
	TAILQ_HEAD(, account) line, put_off;
	struct timer timer, rest;
	uint64_t touched; /* when it last looked */
	bool was_quiet;
	struct large large;
} signer;

static void
free_large(void)
{
	octets_fini(&signer.large.octets);
	store_index_fini(&signer.large.index);
	buf_fini(&signer.large.bits);
	signer.large = (struct large){.account = NULL};
}

static void
wait_for_quiet(void)
{
	if (!TAILQ_EMPTY(&signer.line) && !signer.large.is_pooled &&
	    !timer_is_running(&signer.timer))
		timer_start(&signer.timer, SPAN_MS(QUIET_MS));
}

static void
sign_in_pool(void *arg)
{
	struct large *l = arg;

	octets_check(&l->octets);
	if (l->octets.all.len > 0)
		search_signature(l->octets.all, l->index.envelope, &l->bits);
}

static void
on_signed(void *arg)
{
	struct large *l = arg;

	l->is_pooled = false;
	if (l->account == NULL)
		free_large();
	wait_for_quiet();
}

/* Takes it in hand. False: it cannot be read. */
static bool
load_large(struct account *a, uint64_t body)
{
	struct large *l = &signer.large;

	octets_load(&l->octets, &a->store, body);
	if (!store_index(&a->store, body, &l->index) || l->octets.all.len == 0) {
		free_large();
		return false;
	}
	l->account = a;
	l->body = a->store.signing = body;
	return true;
}

/* Its bits are those that came after the first ones. */
static void
add(struct portion *p, uint64_t body, size_t first)
{
	p->list[p->count].body = body;
	p->list[p->count++].octets = p->bits.len - first;
}

/* Its number may be another's by now. */
static void
take_large(struct portion *p)
{
	struct large *l = &signer.large;

	if (p->store->signing == l->body) {
		if (l->octets.all.len > 0) {
			buf_add_slice(&p->bits, buf_slice(&l->bits));
			add(p, l->body, 0);
		}
		p->below = l->body + 1;
	}
	p->store->signing = 0;
	free_large();
}

static void
sign(struct portion *p, uint64_t body)
{
	struct octets octets;
	struct store_index index;
	size_t first = p->bits.len;

	octets_load(&octets, p->store, body);
	if (store_index(p->store, body, &index) && octets.all.len > 0) {
		search_signature(octets.all, index.envelope, &p->bits);
		add(p, body, first);
	}
	store_index_fini(&index);
	octets_fini(&octets);
}

static bool
on_body(void *owner, const struct store_body *b)
{
	struct portion *p = owner;

	if (!b->is_signed && b->size > LIMIT_INLINE) {
		p->large = b->id;
		return false;
	}
	if (!b->is_signed)
		sign(p, b->id);
	p->below = b->id + 1;
	return p->count < PORTION && !moment_reached(p->ends, moment_now());
}

static bool
keep(void *owner)
{
	struct portion *p = owner;
	struct slice rest = buf_slice(&p->bits);

	for (size_t i = 0; i < p->count; i++) {
		size_t octets = p->list[i].octets;

		if (!store_sign(p->store, p->list[i].body, slice_sub(rest, 0, octets)))
			return false;
		rest = slice_from(rest, octets);
	}
	return store_put_signed(p->store, p->below);
}

/* Whether the portion was kept. If not, the account may be gone. */
static bool
finish(struct portion *p)
{
	bool is_new = p->below != p->store->signed_below;
	bool ok = !is_new || (store_has_room(p->store, p->bits.len) &&
				 commit_aside(p->store->commit, keep, p));

	if (is_new && ok)
		p->store->signed_below = p->below;
	buf_fini(&p->bits);
	return ok;
}

/* Messages of a mailbox that was removed by somebody who did not come to the end of them. */
static enum state
empty_removed(struct store *s, uint64_t mailbox)
{
	bool is_empty;
	enum store_result r = store_empty_removed(s, mailbox, &is_empty);

	commit_soon(s->commit);
	return r == STORE_OK ? MORE : FAILED;
}

static enum state
sign_portion(struct account *a, struct moment ends)
{
	struct portion p = {.store = &a->store, .ends = ends};
	uint64_t removed;
	bool is_whole;

	if (!commit_is_quiet(a->store.commit))
		return BUSY;
	if (store_form_is_old(&a->store))
		return store_form_portion(&a->store, ends) ? MORE : FAILED;
	removed = store_first_removed(&a->store);
	if (removed != 0)
		return empty_removed(&a->store, removed);
	if (a->store.signed_below == 0 && !a->is_browsed)
		return SIGNED;
	p.below = a->store.signed_below == 0 ? 1 : a->store.signed_below;
	if (signer.large.account == a)
		take_large(&p);
	is_whole = store_each_body(&a->store, p.below, on_body, &p);
	if (p.large != 0 && !load_large(a, p.large))
		p.below = p.large + 1;
	if (!finish(&p)) {
		free_large();
		return FAILED;
	}
	if (signer.large.account == NULL)
		return is_whole ? SIGNED : MORE;
	signer.large.is_pooled = true;
	work_start_long(sign_in_pool, on_signed, &signer.large);
	return POOLED;
}

static void
leave(struct account *a)
{
	if (a->is_put_off)
		TAILQ_REMOVE(&signer.put_off, a, signing);
	else
		TAILQ_REMOVE(&signer.line, a, signing);
	a->is_unsigned = a->is_put_off = false;
}

/* It lets the others go on. A store that broke has left already, and may be gone. */
static void
put_off(struct account *a)
{
	struct account *b;

	TAILQ_FOREACH (b, &signer.line, signing) {
		if (b == a)
			break;
	}
	if (b == NULL)
		return;
	if (!timer_is_running(&signer.rest)) {
		log_error(
		    "account %s: what saves work cannot be kept; it is tried again later", b->name);
		timer_start(&signer.rest, SPAN_MS(REST_MS));
	}
	TAILQ_REMOVE(&signer.line, b, signing);
	TAILQ_INSERT_TAIL(&signer.put_off, b, signing);
	b->is_put_off = true;
}

static void
on_rested(void *owner)
{
	struct account *a;

	TAILQ_FOREACH (a, &signer.put_off, signing)
		a->is_put_off = false;
	TAILQ_CONCAT(&signer.line, &signer.put_off, signing);
	wait_for_quiet();
}

/* How long to wait then. */
static int64_t
work(void)
{
	struct moment ends = moment_after(moment_now(), SPAN_MS(SLICE_MS));
	struct account *a;

	do {
		a = signer.large.account != NULL ? signer.large.account : TAILQ_FIRST(&signer.line);
		switch (sign_portion(a, ends)) {
		case SIGNED:
			leave(a);
			break;
		case BUSY:
			TAILQ_REMOVE(&signer.line, a, signing);
			TAILQ_INSERT_TAIL(&signer.line, a, signing);
			return QUIET_MS;
		case MORE:
		case POOLED:
			return PAUSE_MS;
		case FAILED:
			put_off(a);
			return PAUSE_MS;
		}
	} while (!TAILQ_EMPTY(&signer.line) && !moment_reached(ends, moment_now()));
	return PAUSE_MS;
}

/* It finds the process quiet twice, for what was asked lately may still wait to be read. */
static void
on_timer(void *owner)
{
	bool is_quiet = signer.touched == accounts_touched();
	int64_t wait = is_quiet ? PAUSE_MS : QUIET_MS;

	if (is_quiet && signer.was_quiet && !TAILQ_EMPTY(&signer.line))
		wait = work();
	signer.was_quiet = is_quiet;
	signer.touched = accounts_touched();
	if (!TAILQ_EMPTY(&signer.line) && !signer.large.is_pooled)
		timer_start(&signer.timer, SPAN_MS(wait));
}

void
signer_init(void)
{
	TAILQ_INIT(&signer.line);
	TAILQ_INIT(&signer.put_off);
	timer_init(&signer.timer, on_timer, NULL);
	timer_init(&signer.rest, on_rested, NULL);
}

void
signer_add(struct account *a)
{
	if (!a->is_unsigned)
		TAILQ_INSERT_TAIL(&signer.line, a, signing);
	a->is_unsigned = true;
	wait_for_quiet();
}

void
signer_forget(struct account *a)
{
	if (a->is_unsigned)
		leave(a);
	if (signer.large.account != a)
		return;
	signer.large.account = NULL;
	if (!signer.large.is_pooled)
		free_large();
}
