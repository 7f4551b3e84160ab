/*
 * Invariants:
 * 1. Only envelopes below the first id of this run are loaded; the others are in memory already.
 * 2. A message's envelopes begin when all of them are there (they stand together in the order of
 *    ids), so the last one that leaves is the last one that there is. Those of one that cannot be
 *    read to its end wait for the next start.
 * 3. A row that cannot be is held and logged. Nothing is sent from it, and nothing removed. Nor is
 *    anything swept when not all rows could be read: what they say of files is not known.
 */
#include "queue/recover.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/conf/conf.h"
#include "common/net/loop.h"
#include "queue/attempt/attempt.h"
#include "queue/attempt/removal.h"
#include "queue/hold.h"
#include "queue/ids.h"
#include "queue/store/spool.h"

enum {
	ROWS_A_SLICE = 400,
	FIRST_WAITS = 16,
	AGAIN_SECONDS = 2,
	DAMAGED_TRANSPORT = TRANSPORT_RELAY
};

/* An envelope that is NEW until its message is complete. */
struct loaded {
	struct queue_envelope *envelope;
	struct span wait;
};

static struct {
	struct task task;
	struct timer again; /* after a row could not be read */
	uint64_t after;
	uint64_t loaded, damaged, swept;
	struct queue_message *message; /* whose envelopes are being read */
	struct loaded *waiting;        /* those of it that are sound */
	size_t waiting_count, waiting_room;
	unsigned folder;
	bool is_busy; /* with envelopes */
	int64_t civil;
} recover;

/* The wait that is left; what the civil clock says of it is believed within reason. */
static struct span
wait_of(const struct queue_envelope *e, int64_t next_try)
{
	int64_t wait = next_try - recover.civil;

	if (e->tries == 0 || wait < 0)
		wait = 0;
	return SPAN_SECONDS(wait > 3600 ? 3600 : wait);
}

static void
begin_message(void)
{
	for (size_t i = 0; i < recover.waiting_count; i++)
		queue_envelope_begin(recover.waiting[i].envelope, recover.waiting[i].wait);
	recover.waiting_count = 0;
	recover.message = NULL;
}

static void
begin_later(struct queue_envelope *e, struct span wait)
{
	if (recover.waiting_count == recover.waiting_room) {
		recover.waiting_room =
		    recover.waiting_room == 0 ? FIRST_WAITS : recover.waiting_room * 2;
		recover.waiting =
		    mem_resize(recover.waiting, recover.waiting_room * sizeof(*recover.waiting));
	}
	recover.waiting[recover.waiting_count++] = (struct loaded){e, wait};
}

static void
load_damaged(struct queue_message *m, const struct store_envelope *row)
{
	struct queue_envelope *e = queue_envelope_new(
	    m, row->id, queue_destination_find(DAMAGED_TRANSPORT, 0, SLICE("?"), SLICE("")));

	recover.damaged++;
	if (row->hold == HOLD_DAMAGE) {
		e->hold = HOLD_DAMAGE;
		queue_envelope_move(e, ENVELOPE_HELD);
	} else {
		queue_set_aside(e, "its row is damaged");
	}
}

/* The suite may have another number of mailbox processes now. */
static uint8_t
mailbox_of(const struct store_envelope *row)
{
	if (row->transport != TRANSPORT_MAILBOX)
		return row->mailbox;
	return conf_mailbox_of(row->user, queue.mailbox_count);
}

static void
load(void *owner, const struct store_envelope *row)
{
	struct queue_message *m = queue_message_find(row->message);
	struct queue_envelope *e;

	if (recover.message != m || m == NULL)
		begin_message();
	if (m == NULL)
		m = queue_message_new(row->message);
	recover.message = m;
	recover.loaded++;
	if (!store_envelope_is_sane(row)) {
		load_damaged(m, row);
		return;
	}
	e = queue_envelope_new(m, row->id, queue_destination_of(row, mailbox_of(row)));
	e->notify = row->notify & 15;
	e->warned = row->warned & 7;
	e->tries = row->tries;
	e->is_removed = row->hold == HOLD_REMOVED;
	e->hold = e->is_removed ? HOLD_NONE : row->hold;
	queue_envelope_set_age(e, expire_age_after_gap(row->age, row->written, recover.civil));
	begin_later(e, wait_of(e, row->next_try));
}

/* Not ours to keep: nothing that was promised is without a row. A row that was removed in this run
 * may be back after a power cut, and its file must not be gone then. */
static void
sweep(uint64_t id)
{
	if (id >= queue_ids_floor() || queue_message_find(id) != NULL ||
	    queue_removal_is_pending(id) || store_has_message(queue.store, id))
		return;
	spool_remove_body(id);
	recover.swept++;
}

static void
say_loaded(void)
{
	log_event(NULL, EV_queue_loaded, NUM("envelopes", recover.loaded),
	    NUM("damaged", recover.damaged));
}

static bool
load_slice(void)
{
	recover.civil = civil_now();
	switch (
	    store_scan(queue.store, &recover.after, queue_ids_floor(), ROWS_A_SLICE, load, NULL)) {
	case DB_ROW:
		return true;
	case DB_DONE:
		break;
	case DB_ERROR:
		log_error("the queue's database cannot be read now: %s; trying again",
		    store_failure(queue.store));
		timer_start(&recover.again, SPAN_SECONDS(AGAIN_SECONDS));
		return true;
	case DB_CONSTRAINT:
	case DB_FULL:
	case DB_CORRUPT:
		recover.waiting_count = 0;
		recover.folder = SPOOL_FOLDERS;
		log_error("the queue's database cannot be read beyond envelope %llu: %s; stop the "
			  "suite, keep a copy "
			  "of the folder, and look at the disk",
		    (unsigned long long)recover.after, store_failure(queue.store));
		break;
	}
	begin_message();
	free(recover.waiting);
	recover.waiting = NULL;
	recover.waiting_room = 0;
	say_loaded();
	return false;
}

static void
run(void *owner)
{
	if (recover.is_busy)
		recover.is_busy = load_slice();
	else if (recover.folder < SPOOL_FOLDERS)
		spool_walk_bodies(recover.folder++, sweep);
	if (timer_is_running(&recover.again))
		return;
	if (recover.is_busy || recover.folder < SPOOL_FOLDERS)
		task_queue(&recover.task);
	else if (recover.swept > 0)
		log_warning(
		    "removed %llu files that no message names", (unsigned long long)recover.swept);
}

void
queue_recover_start(void)
{
	recover.is_busy = true;
	task_init(&recover.task, run, NULL);
	timer_init(&recover.again, run, NULL);
	task_queue(&recover.task);
}

bool
queue_recover_is_busy(void)
{
	return recover.is_busy;
}
