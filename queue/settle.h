/*
 * The end of an attempt, in one transaction: delivered envelopes go, the others learn what was
 * said and when to try again, reports to senders are written, and a message whose last envelope
 * has gone goes with its body.
 */
#ifndef QUEUE_SETTLE_H
#define QUEUE_SETTLE_H

#include "queue/attempt.h"

/* Takes the attempt. When the disk has no room it is kept and settled later. */
void queue_settle(struct queue_attempt *a);

/* A due envelope's age: warns its sender or ends it. True: it is gone, set aside, or put
 * off because its row cannot be read now. */
bool queue_settle_age(struct queue_envelope *e);

/* Before the row of a message goes: what kind of body it has, if nobody looked since the start. */
void queue_message_look(struct queue_message *m);

/* The last envelope of a message is gone, and its row with it: frees it, and later its file. */
void queue_message_gone(struct queue_message *m);

/* Whether that file still waits for its row to be gone for good. */
bool queue_message_is_going(uint64_t id);

#endif
