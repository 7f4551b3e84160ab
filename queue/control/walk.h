/*
 * An order that does something to envelopes, a slice of them at a time.
 */
#ifndef QUEUE_CONTROL_WALK_H
#define QUEUE_CONTROL_WALK_H

#include "common/conf/child.h"
#include "queue/control/select.h"
#include "queue/hold.h"

/* What is done to an envelope. */
typedef enum queue_acted queue_action(struct queue_envelope *e);

/*
 * Begins the walk over what any of the selections has; it ends the order by itself. Takes which (of
 * malloc(3)); done is the word for the action: "removed".
 */
void queue_walk_start(struct control *order, struct queue_select *which, size_t count,
    queue_action *action, const char *done, bool json);

/* Ends all walks. */
void queue_walk_stop(void);

#endif
