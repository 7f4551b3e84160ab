#include "deliver/relay/hanging.h"

#include "deliver/relay/route.h"

static struct {
	struct netaddr server;
	struct moment until;
} hanging[LIMIT_HANGING]; /* a ring */
static size_t added;

void
relay_hanging_add(const struct netaddr *server, struct moment now)
{
	size_t i;

	for (i = 0; i < LIMIT_HANGING; i++) {
		if (relay_route_is_same(&hanging[i].server, server))
			break;
	}
	if (i == LIMIT_HANGING)
		i = added++ % LIMIT_HANGING;
	hanging[i].server = *server;
	hanging[i].until = moment_after(now, SPAN_MINUTES(HANGING_MINUTES));
}

bool
relay_hanging_has(const struct netaddr *server, struct moment now)
{
	for (size_t i = 0; i < LIMIT_HANGING; i++) {
		if (relay_route_is_same(&hanging[i].server, server))
			return !moment_reached(hanging[i].until, now);
	}
	return false;
}

void
relay_hanging_forget(void)
{
	for (size_t i = 0; i < LIMIT_HANGING; i++)
		hanging[i].until = (struct moment){0};
}
