/*
 * Invariant: the store knows a number above every id that was taken. It is written ahead, a minute
 * of the series at a time, in the same transaction as or an earlier one than what uses the ids; so
 * an id that a crash made free again was never on stable storage. The first minute of a run is
 * durable before anybody has an id of it: the file of a large message comes before its row.
 */
#include "queue/ids.h"

#include "common/base/id.h"
#include "common/base/moment.h"

enum { ID_BITS_BELOW_MS = 20 };

static const uint64_t ahead = (uint64_t)60 * 1000 << ID_BITS_BELOW_MS;

static struct {
	struct store *store;
	uint64_t floor, last, written;
} ids;

bool
queue_ids_init(struct store *s)
{
	ids.store = s;
	ids.written = store_setting(s, "ids");
	ids.floor = ids.last = id_next(ids.written, civil_now_ms());
	/* Without room it is written with the first message that finds some. */
	if (store_set(s, "ids", ids.last + ahead) != DB_DONE)
		return true;
	ids.written = ids.last + ahead;
	return store_sync(s);
}

uint64_t
queue_ids_take(uint32_t count)
{
	uint64_t first = id_next(ids.last, civil_now_ms());

	ids.last = first + count - 1;
	if (ids.last > ids.written && commit_begin(store_commit(ids.store)) &&
	    store_set(ids.store, "ids", ids.last + ahead) == DB_DONE)
		ids.written = ids.last + ahead;
	return first;
}

/* The next to take one writes it once more. */
void
queue_ids_undone(void)
{
	ids.written = 0;
}

uint64_t
queue_ids_floor(void)
{
	return ids.floor;
}
