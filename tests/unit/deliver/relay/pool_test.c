#include "tests/unit/unit.h"

#include "deliver/relay/pool.h"
#include "deliver/relay/session.h"

UNIT_SUITE(pool);

enum { MANY = POOL_MOST + 1 };

static struct relay_session sessions[MANY];
static char action[] = "out", other_action[] = "other", domain[] = "y.test";

/* In the place of session.c's: who is told to quit leaves the pool, and offers all that is needed. */
void
relay_session_quit(struct relay_session *s)
{
	relay_pool_remove(s);
	s->state = RELAY_QUIT;
}

enum relay_lack
relay_session_lacks(const struct relay_session *s, const struct relay_transfer *t)
{
	return LACK_NOTHING;
}

/* One that did its transfer by the rules of now. */
static struct relay_session *
session(int i, char *of_action, const struct relay_route *r)
{
	struct relay_session *s = &sessions[i];

	*s = (struct relay_session){.state = RELAY_IDLE,
	    .action = of_action,
	    .place = relay_route_place(r, slice_of(domain)),
	    .rules = relay_pool_rules(),
	    .address = {.family = AF_INET, .port = 25}};
	return s;
}

static void
forget(void)
{
	relay_pool_drain();
	for (int i = 0; i < MANY; i++)
		free(sessions[i].place);
}

Test(pool, is_of_one_action_and_one_place)
{
	struct relay_transfer t = {.action = action, .domain = domain, .route = {.port = 25}};
	struct relay_route verified = {.port = 25, .is_verified = true};
	struct relay_session *s = session(0, other_action, &t.route);

	cr_assert(relay_pool_add(s));
	cr_assert(relay_pool_add(session(1, action, &verified)));
	cr_assert_null(relay_pool_take(&t), "nothing that was made for another");
	cr_assert(relay_pool_add(session(2, action, &t.route)));
	cr_assert_eq(relay_pool_take(&t), &sessions[2]);
	cr_assert_not(sessions[2].is_pooled);
	cr_assert_null(relay_pool_take(&t), "one transfer each");
	t.action = other_action;
	cr_assert_eq(relay_pool_take(&t), s);
	forget();
}

Test(pool, holds_so_many)
{
	struct relay_route r = {.port = 25};

	for (int i = 0; i < POOL_MOST; i++)
		cr_assert(relay_pool_add(session(i, action, &r)));
	cr_assert_not(relay_pool_add(session(POOL_MOST, action, &r)));
	relay_pool_remove(&sessions[7]);
	relay_pool_remove(&sessions[7]);
	cr_assert(relay_pool_add(&sessions[POOL_MOST]));
	cr_assert_not(relay_pool_add(&sessions[7]), "who left twice was one");
	forget();
}

Test(pool, keeps_nothing_of_rules_that_were)
{
	struct relay_route r = {.port = 25};

	cr_assert(relay_pool_add(session(0, action, &r)));
	session(1, action, &r);
	relay_pool_drain();
	cr_assert_eq(sessions[0].state, RELAY_QUIT);
	cr_assert_not(relay_pool_add(&sessions[1]), "it was in use meanwhile");
	forget();
}

/* What the same transfers would use makes none, nor does what is another server's. */
Test(pool, makes_room_at_a_server)
{
	struct relay_route r = {.port = 25}, elsewhere = {.port = 25, .host = "mx.test"};

	cr_assert(relay_pool_add(session(0, action, &elsewhere)));
	cr_assert(relay_pool_add(session(1, other_action, &r)));
	cr_assert(relay_pool_add(session(2, action, &r)));
	cr_assert(relay_pool_add(session(3, action, &elsewhere)));
	sessions[3].address.port = 26;
	relay_pool_make_room(session(4, action, &r));
	cr_assert_eq(sessions[0].state, RELAY_QUIT);
	cr_assert_eq(sessions[1].state, RELAY_QUIT);
	cr_assert(sessions[2].is_pooled);
	cr_assert(sessions[3].is_pooled);
	forget();
}
