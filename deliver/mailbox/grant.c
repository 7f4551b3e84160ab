#include "deliver/mailbox/grant.h"

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/base/moment.h"

struct grant {
	char account[LIMIT_USER + 1];
	struct moment lapses;
};

static struct hash grants;

/* When there are too many, those that lapsed go. */
static void
sweep(void)
{
	struct hash kept;
	struct hash_walk walk = {0};
	struct slice key;
	void *value;

	hash_init(&kept);
	while (hash_next(&grants, &walk, &key, &value)) {
		if (moment_reached(((struct grant *)value)->lapses, moment_now()))
			free(value);
		else
			hash_add(&kept, key, value);
	}
	hash_fini(&grants);
	grants = kept;
}

void
grant_add(struct slice token, struct slice account, uint32_t seconds)
{
	struct grant *g;

	if (grants.count >= LIMIT_GRANTS)
		sweep();
	if (grants.count >= LIMIT_GRANTS)
		return;
	g = mem_zero(sizeof(*g));
	slice_copy(account, g->account, sizeof(g->account));
	g->lapses = moment_after(moment_now(), SPAN_SECONDS(seconds));
	free(hash_add(&grants, token, g));
}

bool
grant_take(struct slice token, char account[LIMIT_USER + 1])
{
	struct grant *g = hash_remove(&grants, token);
	bool ok = g != NULL && !moment_reached(g->lapses, moment_now());

	if (ok)
		slice_copy(slice_of(g->account), account, LIMIT_USER + 1);
	free(g);
	return ok;
}
