/*
 * Attempts at other servers, which relay carries out.
 */
#ifndef QUEUE_ATTEMPT_TRANSFER_H
#define QUEUE_ATTEMPT_TRANSFER_H

#include "queue/schedule/schedule.h"

enum schedule_start queue_transfer_start(struct queue_destination *d);

/* What a relay may answer, for its channel. */
extern const struct ipc_schema *const queue_transfer_answers[];

#endif
