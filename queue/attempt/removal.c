#include "queue/attempt/removal.h"

#include "common/base/mem.h"
#include "common/net/loop.h"
#include "queue/envelope.h"
#include "queue/store/spool.h"

/* A file that goes when it is sure that its row has gone. */
struct removal {
	uint64_t id;
};

static struct hash removals; /* by id, until then */

/* Nobody may have looked since the start. */
static void
find_body(struct queue_message *m)
{
	struct store_message row;

	if (m->body != BODY_UNKNOWN)
		return;
	if (store_find_message(queue.store, m->id, &row) == DB_ROW)
		m->body = row.is_file ? BODY_FILE : BODY_INLINE;
	store_done(queue.store);
}

enum db_result
queue_removal_store(struct queue_message *m)
{
	find_body(m);
	return store_remove_message(queue.store, m->id);
}

static void
run_removal(void *arg)
{
	spool_remove_body(((struct removal *)arg)->id);
}

static void
end_removal(void *arg)
{
	struct removal *r = arg;

	hash_remove(&removals, HASH_NUMBER(r->id));
	free(r);
}

static void
on_row_gone(void *owner, bool ok)
{
	if (ok)
		work_start(run_removal, end_removal, owner);
	else
		end_removal(owner);
}

void
queue_removal_begin(struct queue_message *m)
{
	struct removal *r;

	if (m->body == BODY_FILE) {
		r = mem_zero(sizeof(*r));
		r->id = m->id;
		hash_add(&removals, HASH_NUMBER(r->id), r);
		commit_wait(store_commit(queue.store), on_row_gone, r);
	}
	queue_message_free(m);
}

bool
queue_removal_is_pending(uint64_t id)
{
	return hash_find(&removals, HASH_NUMBER(id)) != NULL;
}
