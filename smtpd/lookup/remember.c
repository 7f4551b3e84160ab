#include "smtpd/lookup/remember.h"

#include "common/base/buf.h"
#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/base/mem.h"

#include <string.h>
#include <sys/queue.h>

struct memory {
	TAILQ_ENTRY(memory) link;
	struct remember_digest digest;
	struct moment until;
};

static TAILQ_HEAD(, memory) by_age = TAILQ_HEAD_INITIALIZER(by_age);
static struct hash memories;

struct remember_digest
remember_digest(const struct slice *texts, size_t count)
{
	static uint64_t keys[2][2];
	struct remember_digest d;
	struct buf all = {.is_secret = true};

	if (keys[0][0] == 0)
		arc4random_buf(keys, sizeof(keys));
	for (size_t i = 0; i < count; i++) {
		buf_add(&all, &texts[i].len, sizeof(texts[i].len));
		buf_add_slice(&all, texts[i]);
	}
	for (size_t i = 0; i < 2; i++)
		d.halves[i] = hash_keyed(keys[i], buf_slice(&all));
	buf_fini(&all);
	return d;
}

static struct slice
key_of(const struct remember_digest *d)
{
	return slice_make((const char *)d->halves, sizeof(d->halves));
}

static void
forget(struct memory *m)
{
	hash_remove(&memories, key_of(&m->digest));
	TAILQ_REMOVE(&by_age, m, link);
	free(m);
}

/* All live equally long, so the first are the first to go. */
static void
forget_old(struct moment now)
{
	struct memory *m;

	while ((m = TAILQ_FIRST(&by_age)) != NULL && moment_reached(m->until, now))
		forget(m);
}

void
remember_add(struct remember_digest d, struct moment now)
{
	struct memory *m = hash_find(&memories, key_of(&d));

	if (m != NULL)
		forget(m);
	forget_old(now);
	if (memories.count >= LIMIT_REMEMBERED)
		forget(TAILQ_FIRST(&by_age));
	m = mem_zero(sizeof(*m));
	m->digest = d;
	m->until = moment_after(now, SPAN_SECONDS(LIMIT_REMEMBER_SECONDS));
	hash_add(&memories, key_of(&m->digest), m);
	TAILQ_INSERT_TAIL(&by_age, m, link);
}

bool
remember_has(struct remember_digest d, struct moment now)
{
	forget_old(now);
	return hash_find(&memories, key_of(&d)) != NULL;
}

void
remember_forget_all(void)
{
	while (!TAILQ_EMPTY(&by_age))
		forget(TAILQ_FIRST(&by_age));
	hash_fini(&memories);
}
