/*
 * When and in which turn envelopes are tried: a heap by next try, and for each transport a round of
 * the destinations that have something due. Knows nothing of SQL and channels: whoever starts an
 * attempt is called through schedule_calls.
 */
#ifndef QUEUE_SCHEDULE_SCHEDULE_H
#define QUEUE_SCHEDULE_SCHEDULE_H

#include "queue/schedule/destination.h"

/* What became of the wish to start an attempt. */
enum schedule_start {
	START_DONE,    /* begun, or its envelopes were set aside: ask again */
	START_BLOCKED, /* the way there is closed; queue_schedule_unblock() when it opens */
};

struct schedule_calls {
	/* Takes READY envelopes of the destination, one message's, and begins an attempt. */
	enum schedule_start (*start)(struct queue_destination *d);

	/* An envelope is due. Its age may ask for a warning, or be its end (true: it is gone). */
	bool (*aged)(struct queue_envelope *e);
};

void queue_schedule_init(const struct schedule_calls *calls);
void queue_schedule_fini(void); /* forgets all; they belong to others */

/* The most READY envelopes that a destination which is down keeps (mta max-deferred). */
void queue_schedule_set_deferred(uint32_t most);

/* To be tried after that wait (0: now); from any state but INFLIGHT to WAITING or READY. */
void queue_schedule_add(struct queue_envelope *e, struct span wait);

/* Out of the heap, to be moved or freed. */
void queue_schedule_remove(struct queue_envelope *e);

/* Civil seconds of the next try; 0 when it is not waiting. */
int64_t queue_schedule_next_try(const struct queue_envelope *e);

/* Something of the destination changed for the better: it gets its turn. */
void queue_schedule_kick(struct queue_destination *d);

/* The way is open again for all of a transport. */
void queue_schedule_unblock(uint8_t transport);

/* No attempts of that transport begin until it is undone. */
void queue_schedule_pause(uint8_t transport, bool paused);
bool queue_schedule_is_paused(uint8_t transport);

/* Attempts of a transport in flight; destinations count their own. One that begins takes a place of
 * its destination's standing, which its end gives back. */
uint8_t queue_schedule_began(struct queue_destination *d);
void queue_schedule_ended(struct queue_destination *d, uint8_t standing);

/* Whether a quarter of the places that a destination of such standing may have are taken. */
bool queue_schedule_is_short(const struct queue_destination *d);

size_t queue_schedule_in_flight(uint8_t transport);

#endif
