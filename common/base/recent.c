#include "common/base/recent.h"

#include "common/base/buf.h"
#include "common/base/mem.h"

struct finding {
	TAILQ_ENTRY(finding) link;
	struct digest digest;
	struct moment until;
	void *value;
};

struct digest
digest_of(const struct slice *texts, size_t count)
{
	static uint64_t keys[2][2];
	struct digest d;
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
key_of(const struct digest *d)
{
	return slice_make((const char *)d->halves, sizeof(d->halves));
}

static void
forget(struct recent *r, struct finding *f)
{
	hash_remove(&r->by_digest, key_of(&f->digest));
	TAILQ_REMOVE(&r->by_age, f, link);
	if (r->free_value != NULL)
		r->free_value(f->value);
	free(f);
}

/* All live equally long, so the first are the first to go. */
static void
forget_old(struct recent *r, struct moment now)
{
	struct finding *f;

	while ((f = TAILQ_FIRST(&r->by_age)) != NULL && moment_reached(f->until, now))
		forget(r, f);
}

void
recent_add(struct recent *r, struct digest d, void *value, struct moment now)
{
	struct finding *f = hash_find(&r->by_digest, key_of(&d));

	if (f != NULL)
		forget(r, f);
	forget_old(r, now);
	if (r->by_digest.count >= r->most)
		forget(r, TAILQ_FIRST(&r->by_age));
	f = mem_zero(sizeof(*f));
	*f = (struct finding){.digest = d, .value = value, .until = moment_after(now, r->life)};
	hash_add(&r->by_digest, key_of(&f->digest), f);
	TAILQ_INSERT_TAIL(&r->by_age, f, link);
}

bool
recent_find(struct recent *r, struct digest d, struct moment now, void **value)
{
	struct finding *f;

	forget_old(r, now);
	f = hash_find(&r->by_digest, key_of(&d));
	if (f == NULL)
		return false;
	*value = f->value;
	return true;
}

void
recent_forget_all(struct recent *r)
{
	while (!TAILQ_EMPTY(&r->by_age))
		forget(r, TAILQ_FIRST(&r->by_age));
	hash_fini(&r->by_digest);
}
