/*
 * A message that goes, since its last envelope did: first its row, in the transaction that takes
 * that envelope, and its file when the row is gone for good. A file without a row is swept; a row
 * without a file is damage.
 */
#ifndef QUEUE_ATTEMPT_REMOVAL_H
#define QUEUE_ATTEMPT_REMOVAL_H

#include "queue/queue.h"

struct queue_message;

/* Removes the row, in the transaction that is open; what kind of body it names is looked
 * up before. */
enum db_result queue_removal_store(struct queue_message *m);

/* The row is removed, perhaps not durably yet: frees the message, and later its file goes. */
void queue_removal_begin(struct queue_message *m);

/* Whether that file still waits. */
bool queue_removal_is_pending(uint64_t id);

#endif
