/*
 * The end of an attempt, in one transaction: delivered envelopes go, the others learn what was
 * said and when to try again, reports to senders are written, and a message whose last envelope
 * has gone goes with its body.
 */
#ifndef QUEUE_ATTEMPT_SETTLE_H
#define QUEUE_ATTEMPT_SETTLE_H

#include "queue/attempt/attempt.h"

/* Takes the attempt. When the disk has no room it is kept and settled later. */
void queue_settle(struct queue_attempt *a);

/* A due envelope's age: warns its sender or ends it. True: it is gone, set aside, or put
 * off because its row cannot be read now. */
bool queue_settle_age(struct queue_envelope *e);

#endif
