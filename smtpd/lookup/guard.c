/*
 * Invariants:
 * 1. An address is forgotten only while no attempt of its waits or is checked.
 * 2. At most LIMIT_LOGIN_PLACES addresses are remembered, beside those in use; the one least
 *    recently seen goes first.
 */
#include "smtpd/lookup/guard.h"

#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/net/loop.h"
#include "common/net/netaddr.h"

enum { FORGIVE_SECONDS = 60, SLOWEST_SECONDS = 10 };

struct guard {
	TAILQ_ENTRY(guard) link;
	char key[17];
	size_t key_len;
	TAILQ_HEAD(, guard_ticket) waiting;
	size_t waiting_count;
	unsigned in_hand;
	unsigned failures;
	struct moment failed;  /* the last time, or when the last failure was forgiven */
	struct moment free_at; /* nothing begins before */
	struct timer timer;
	bool is_stepping;
};

static TAILQ_HEAD(, guard) by_use = TAILQ_HEAD_INITIALIZER(by_use);
static struct hash guards;

static void
forget(struct guard *g)
{
	hash_remove(&guards, slice_make(g->key, g->key_len));
	TAILQ_REMOVE(&by_use, g, link);
	timer_stop(&g->timer);
	free(g);
}

static bool
is_idle(const struct guard *g)
{
	return g->in_hand == 0 && g->waiting_count == 0 && !g->is_stepping;
}

/* Makes room for one more, if somebody can go. */
static void
forget_oldest(void)
{
	struct guard *g;

	if (guards.count < LIMIT_LOGIN_PLACES)
		return;
	TAILQ_FOREACH (g, &by_use, link) {
		if (is_idle(g)) {
			forget(g);
			return;
		}
	}
}

/* A failure is forgiven each minute. */
static void
forgive(struct guard *g)
{
	while (g->failures > 0 &&
	       moment_reached(moment_after(g->failed, SPAN_SECONDS(FORGIVE_SECONDS)), loop_now())) {
		g->failures--;
		g->failed = moment_after(g->failed, SPAN_SECONDS(FORGIVE_SECONDS));
	}
}

static unsigned
most_in_hand(const struct guard *g)
{
	return g->failures > 0 ? 1 : LIMIT_LOGIN_CHECKS;
}

static struct moment
patience_of(const struct guard_ticket *t)
{
	return moment_after(t->since, SPAN_SECONDS(LIMIT_LOGIN_WAIT));
}

static void
take(struct guard *g, struct guard_ticket *t)
{
	TAILQ_REMOVE(&g->waiting, t, link);
	g->waiting_count--;
}

static void
set_timer(struct guard *g)
{
	const struct guard_ticket *first = TAILQ_FIRST(&g->waiting);
	struct moment when;

	timer_stop(&g->timer);
	if (first == NULL)
		return;
	when = patience_of(first);
	if (g->in_hand < most_in_hand(g) && g->free_at.ms < when.ms)
		when = g->free_at;
	timer_start(&g->timer, moment_between(loop_now(), when));
}

/* Lets go who may. Those called may come back here: then the outer call goes on for them. */
static void
step(struct guard *g)
{
	struct guard_ticket *t;

	if (g->is_stepping)
		return;
	g->is_stepping = true;
	while ((t = TAILQ_FIRST(&g->waiting)) != NULL) {
		forgive(g);
		if (moment_reached(patience_of(t), loop_now())) {
			take(g, t);
			t->go(t->owner, false);
		} else if (g->in_hand < most_in_hand(g) && moment_reached(g->free_at, loop_now())) {
			take(g, t);
			g->in_hand++;
			t->go(t->owner, true);
		} else {
			break;
		}
	}
	g->is_stepping = false;
	set_timer(g);
}

static void
on_timer(void *owner)
{
	step(owner);
}

/* What attempts are counted by; everything that is no address together. */
static size_t
key_of(struct slice client, char key[17])
{
	struct netaddr a;
	struct slice group;

	key[0] = '-';
	if (!netaddr_parse(client, &a))
		return 1;
	group = netaddr_group(&a);
	key[0] = a.family == AF_INET6 ? '6' : '4';
	for (size_t i = 0; i < group.len; i++)
		key[i + 1] = group.data[i];
	return group.len + 1;
}

static struct guard *
find_guard(struct slice client)
{
	char key[17];
	size_t len = key_of(client, key);
	struct guard *g = hash_find(&guards, slice_make(key, len));

	if (g == NULL) {
		forget_oldest();
		g = mem_zero(sizeof(*g));
		for (size_t i = 0; i < len; i++)
			g->key[i] = key[i];
		g->key_len = len;
		TAILQ_INIT(&g->waiting);
		timer_init(&g->timer, on_timer, g);
		hash_add(&guards, slice_make(key, len), g);
	} else {
		TAILQ_REMOVE(&by_use, g, link);
	}
	TAILQ_INSERT_TAIL(&by_use, g, link);
	return g;
}

void
guard_enter(
    struct guard_ticket *t, struct slice client, void (*go)(void *owner, bool in_time), void *owner)
{
	struct guard *g = find_guard(client);

	*t = (struct guard_ticket){.guard = g, .since = loop_now(), .go = go, .owner = owner};
	if (g->waiting_count >= LIMIT_LOGIN_LINE) {
		go(owner, false);
		return;
	}
	TAILQ_INSERT_TAIL(&g->waiting, t, link);
	g->waiting_count++;
	step(g);
}

struct span
guard_leave(struct guard_ticket *t, enum guard_verdict verdict)
{
	struct guard *g = t->guard;
	struct span held = SPAN_MS(0);

	g->in_hand--;
	if (verdict == GUARD_WRONG) {
		forgive(g);
		if (g->failures < SLOWEST_SECONDS)
			g->failures++;
		g->failed = loop_now();
		held = SPAN_SECONDS(g->failures);
		g->free_at = moment_after(loop_now(), held);
	}
	step(g);
	return held;
}

void
guard_forget(void)
{
	struct guard *g, *next;

	TAILQ_FOREACH_SAFE (g, &by_use, link, next)
		if (is_idle(g))
			forget(g);
	if (guards.count == 0)
		hash_fini(&guards);
}
