#include "queue/hold.h"

#include "common/base/log.h"
#include "queue/attempt/removal.h"
#include "queue/queue.h"
#include "queue/schedule/schedule.h"

/* What the database keeps. An envelope that was removed stays so. */
static bool
write_hold(const struct queue_envelope *e, enum envelope_hold hold)
{
	struct commit *c = store_commit(queue.store);

	if (e->is_removed)
		return true;
	if (!commit_begin(c) || store_hold_envelope(queue.store, e->id, (uint8_t)hold) != DB_DONE)
		return false;
	commit_soon(c);
	return true;
}

static bool
set_hold(struct queue_envelope *e, enum envelope_hold hold)
{
	if (e->hold == hold)
		return true;
	if (!write_hold(e, hold))
		return false;
	e->hold = (uint8_t)hold;
	return true;
}

enum queue_acted
queue_envelope_hold(struct queue_envelope *e)
{
	if (e->hold == HOLD_NONE && !set_hold(e, HOLD_PERSON))
		return ACTED_FAILED;
	if (e->state == ENVELOPE_WAITING || e->state == ENVELOPE_READY) {
		queue_schedule_remove(e);
		queue_envelope_move(e, ENVELOPE_HELD);
	}
	return ACTED_DONE;
}

enum queue_acted
queue_envelope_resume(struct queue_envelope *e)
{
	if (!set_hold(e, HOLD_NONE))
		return ACTED_FAILED;
	if (e->state == ENVELOPE_HELD)
		queue_schedule_add(e, SPAN_MS(0));
	return ACTED_DONE;
}

enum queue_acted
queue_envelope_hurry(struct queue_envelope *e)
{
	if (e->hold != HOLD_NONE)
		return ACTED_HELD;
	if (e->state == ENVELOPE_WAITING || e->state == ENVELOPE_READY) {
		queue_destination_wake(e->destination);
		queue_schedule_add(e, SPAN_MS(0));
	}
	return ACTED_DONE;
}

static enum db_result
write_removal(const struct queue_envelope *e)
{
	struct commit *c = store_commit(queue.store);
	bool is_last = e->message->count == 1;
	enum db_result result;

	if (!commit_save(c))
		return DB_ERROR;
	result = store_remove_envelope(queue.store, e->id);
	if (result == DB_DONE && is_last)
		result = queue_removal_store(e->message);
	if (result == DB_DONE)
		commit_keep(c);
	else
		queue_undo();
	return result;
}

enum queue_acted
queue_envelope_remove(struct queue_envelope *e)
{
	struct queue_message *m = e->message;
	struct log_context log = {.key = "message", .id = m->id};

	if (e->state == ENVELOPE_INFLIGHT || e->state == ENVELOPE_NEW) {
		if (!write_hold(e, HOLD_REMOVED))
			return ACTED_FAILED;
		e->is_removed = 1;
		return ACTED_DONE;
	}
	if (write_removal(e) != DB_DONE)
		return ACTED_FAILED;
	commit_soon(store_commit(queue.store));
	log_event(&log, EV_removed, IDNUM("envelope", e->id));
	queue_schedule_remove(e);
	queue_envelope_move(e, ENVELOPE_DONE);
	queue_envelope_free(e);
	if (m->count == 0)
		queue_removal_begin(m);
	return ACTED_DONE;
}

void
queue_envelope_begin(struct queue_envelope *e, struct span wait)
{
	bool is_removed = e->is_removed;

	if (e->hold != HOLD_NONE)
		queue_envelope_move(e, ENVELOPE_HELD);
	else
		queue_schedule_add(e, wait);
	if (is_removed && queue_envelope_remove(e) == ACTED_FAILED) {
		/* It shall not be sent, whatever the disk says. */
		e->hold = HOLD_PERSON;
		queue_envelope_hold(e);
	}
}
