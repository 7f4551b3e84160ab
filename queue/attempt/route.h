/*
 * Messages made here, which are reports: lookup says who their recipient is, and the one envelope
 * without a route becomes those that it names.
 */
#ifndef QUEUE_ATTEMPT_ROUTE_H
#define QUEUE_ATTEMPT_ROUTE_H

#include "queue/schedule/schedule.h"

enum schedule_start queue_route_start(struct queue_destination *d);

/* What an attempt has gathered; NULL is fine. */
struct queue_route;
void queue_route_free(struct queue_route *r);

/* What lookup may answer. */
extern const struct ipc_schema *const queue_route_answers[];

#endif
