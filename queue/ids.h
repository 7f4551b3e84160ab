/*
 * Ids for messages and envelopes, out of one series that grows with time: none is ever used
 * twice, not over restarts and not when the civil clock steps back.
 */
#ifndef QUEUE_IDS_H
#define QUEUE_IDS_H

#include "queue/store/store.h"

/* Reads from the store where to go on. False: the disk lost what was written. */
bool queue_ids_init(struct store *s);

/* Takes count ids; returns the first. They are good at once: what uses them is committed after. */
uint64_t queue_ids_take(uint32_t count);

/* What was written last may have been taken back (queue_undo()). */
void queue_ids_undone(void);

/* Every id of this run is above this one. */
uint64_t queue_ids_floor(void);

#endif
