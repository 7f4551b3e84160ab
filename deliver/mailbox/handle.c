#include "deliver/mailbox/handle.h"

#include "common/base/hash.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "deliver/mailbox/verb/fetch.h"
#include "deliver/mailbox/verb/job.h"
#include "deliver/mailbox/verb/spool.h"

static struct {
	struct hash by_id;
	LIST_HEAD(, handle) all;
	uint32_t last_id;
} handles;

void
handles_init(void)
{
	hash_init(&handles.by_id);
	LIST_INIT(&handles.all);
}

void
handles_fini(void)
{
	hash_fini(&handles.by_id);
}

size_t
handles_count(void)
{
	return handles.by_id.count;
}

struct handle *
handle_new(struct channel *c, struct account *a, bool exclusive)
{
	struct handle *h;

	if (handles.by_id.count >= LIMIT_HANDLES)
		return NULL;
	h = mem_zero(sizeof(*h));
	do
		h->id = ++handles.last_id;
	while (h->id == 0 || hash_find(&handles.by_id, HASH_NUMBER(h->id)) != NULL);
	LIST_INIT(&h->jobs);
	LIST_INIT(&h->fetches);
	h->channel = c;
	h->account = a;
	h->is_exclusive = exclusive;
	LIST_INSERT_HEAD(&handles.all, h, all);
	LIST_INSERT_HEAD(&a->handles, h, link);
	hash_add(&handles.by_id, HASH_NUMBER(h->id), h);
	return h;
}

struct handle *
handle_find(struct channel *c, uint32_t id)
{
	struct handle *h = hash_find(&handles.by_id, HASH_NUMBER(id));

	return h != NULL && h->channel == c ? h : NULL;
}

void
handle_free(struct handle *h)
{
	struct account *a = h->account;

	jobs_cancel(h);
	fetches_forget(h);
	spool_drop(h);
	hash_remove(&handles.by_id, HASH_NUMBER(h->id));
	LIST_REMOVE(h, all);
	LIST_REMOVE(h, link);
	free(h);
	account_forget_unless_used(a);
}

void
handles_forget(const struct channel *c)
{
	struct handle *h, *next;

	LIST_FOREACH_SAFE (h, &handles.all, all, next) {
		if (c == NULL || h->channel == c)
			handle_free(h);
	}
}
