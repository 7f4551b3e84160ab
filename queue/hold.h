/*
 * What a person can do to an envelope: hold it, let it go on, try it now, take it out. False means
 * that the disk did not take it, and nothing changed.
 */
#ifndef QUEUE_HOLD_H
#define QUEUE_HOLD_H

#include "common/base/moment.h"
#include "queue/envelope.h"

/* One in flight is held when it comes back without having been delivered. */
bool queue_envelope_hold(struct queue_envelope *e);

/* Ends the hold, even one for damage; it is tried at once. */
bool queue_envelope_resume(struct queue_envelope *e);

/* Tries it now, and forgets that its destination was down. Held ones stay held. */
void queue_envelope_hurry(struct queue_envelope *e);

/* NEW no more: tried after that wait, unless it was held or removed meanwhile. May free it. */
void queue_envelope_begin(struct queue_envelope *e, struct span wait);

/* Out of the queue, without a word to anybody; one in flight when it comes back undelivered. The
 * message goes with its last envelope. */
bool queue_envelope_remove(struct queue_envelope *e);

#endif
