/*
 * Where an envelope begins, and what a person can do to it: hold it, let it go on, try it now, take
 * it out.
 */
#ifndef QUEUE_HOLD_H
#define QUEUE_HOLD_H

#include "common/base/moment.h"
#include "queue/envelope.h"

/* What became of that: nothing, because the disk did not take it, or because the envelope is held. */
enum queue_acted { ACTED_FAILED, ACTED_DONE, ACTED_HELD };

/* One in flight is held when it comes back without having been delivered. */
enum queue_acted queue_envelope_hold(struct queue_envelope *e);

/* Ends the hold, even one for damage; it is tried at once. */
enum queue_acted queue_envelope_resume(struct queue_envelope *e);

/* Tries it now, and forgets that its destination was down. Held ones stay held. */
enum queue_acted queue_envelope_hurry(struct queue_envelope *e);

/* NEW no more: tried after that wait, unless it was held or removed meanwhile. May free it. */
void queue_envelope_begin(struct queue_envelope *e, struct span wait);

/* Out of the queue, without a word to anybody; one in flight when it comes back undelivered. The
 * message goes with its last envelope. Nobody tries it again, even after a crash. */
enum queue_acted queue_envelope_remove(struct queue_envelope *e);

#endif
