#include "queue/receive/lent_ids.h"

#include "common/base/limits.h"
#include "common/base/mem.h"

#include <stdlib.h>

struct lent_block {
	TAILQ_ENTRY(lent_block) link;
	uint64_t first;
	uint32_t left;
	uint64_t unused[LENT_IDS / 64];
};

void
queue_lent_ids_init(struct lent_ids *l)
{
	*l = (struct lent_ids){.count = 0};
	TAILQ_INIT(&l->blocks);
}

static void
drop(struct lent_ids *l, struct lent_block *b)
{
	TAILQ_REMOVE(&l->blocks, b, link);
	l->count--;
	free(b);
}

void
queue_lent_ids_fini(struct lent_ids *l)
{
	while (!TAILQ_EMPTY(&l->blocks))
		drop(l, TAILQ_FIRST(&l->blocks));
}

void
queue_lent_ids_add(struct lent_ids *l, uint64_t first)
{
	struct lent_block *b = mem_zero(sizeof(*b));

	if (l->count == LIMIT_ID_BLOCKS) {
		struct lent_block *oldest = TAILQ_LAST(&l->blocks, lent_blocks);

		l->known_from = oldest->first + LENT_IDS;
		drop(l, oldest);
	}
	b->first = first;
	b->left = LENT_IDS;
	for (size_t i = 0; i < LENT_IDS / 64; i++)
		b->unused[i] = UINT64_MAX;
	TAILQ_INSERT_HEAD(&l->blocks, b, link);
	l->count++;
	if (l->known_from == 0)
		l->known_from = first;
}

static enum lent_use
use_of(struct lent_ids *l, struct lent_block *b, uint64_t n)
{
	uint64_t bit = UINT64_C(1) << (n % 64);

	if ((b->unused[n / 64] & bit) == 0)
		return LENT_WRONG;
	b->unused[n / 64] &= ~bit;
	if (--b->left == 0)
		drop(l, b);
	return LENT_FRESH;
}

enum lent_use
queue_lent_ids_use(struct lent_ids *l, uint64_t id)
{
	struct lent_block *b;

	TAILQ_FOREACH (b, &l->blocks, link) {
		if (id >= b->first && id - b->first < LENT_IDS)
			return use_of(l, b, id - b->first);
	}
	return id < l->known_from ? LENT_STALE : LENT_WRONG;
}
