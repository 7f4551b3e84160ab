#include "deliver/relay/pool.h"

#include "deliver/relay/session.h"

#include <stdlib.h>
#include <string.h>

static LIST_HEAD(, relay_session) pool = LIST_HEAD_INITIALIZER(pool);
static int count;
static unsigned rules = 1;

static bool
fits(const struct relay_session *s, const struct relay_transfer *t, const char *place)
{
	return strcmp(s->action, t->action) == 0 && strcmp(s->place, place) == 0 &&
	       relay_session_lacks(s, t) == LACK_NOTHING;
}

struct relay_session *
relay_pool_take(const struct relay_transfer *t)
{
	char *place = relay_route_place(&t->route, slice_of(t->domain));
	struct relay_session *s;

	LIST_FOREACH (s, &pool, pooled) {
		if (fits(s, t, place))
			break;
	}
	if (s != NULL)
		relay_pool_remove(s);
	free(place);
	return s;
}

bool
relay_pool_add(struct relay_session *s)
{
	if (count >= POOL_MOST || s->rules != rules)
		return false;
	LIST_INSERT_HEAD(&pool, s, pooled);
	s->is_pooled = true;
	count++;
	return true;
}

void
relay_pool_remove(struct relay_session *s)
{
	if (!s->is_pooled)
		return;
	LIST_REMOVE(s, pooled);
	s->is_pooled = false;
	count--;
}

void
relay_pool_make_room(const struct relay_session *s)
{
	struct relay_session *kept, *next;

	for (kept = LIST_FIRST(&pool); kept != NULL; kept = next) {
		next = LIST_NEXT(kept, pooled);
		if (relay_route_is_same(&kept->address, &s->address) &&
		    (strcmp(kept->action, s->action) != 0 || strcmp(kept->place, s->place) != 0))
			relay_session_quit(kept);
	}
}

void
relay_pool_drain(void)
{
	rules++;
	while (!LIST_EMPTY(&pool))
		relay_session_quit(LIST_FIRST(&pool));
}

unsigned
relay_pool_rules(void)
{
	return rules;
}
