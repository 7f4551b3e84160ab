/*
 * Attempts here: into the mail store, which the mailbox processes own, and by agents, which the
 * parent starts as the recipient.
 */
#ifndef QUEUE_ATTEMPT_DELIVER_H
#define QUEUE_ATTEMPT_DELIVER_H

#include "queue/schedule/schedule.h"

enum schedule_start queue_deliver_to_mailbox(struct queue_destination *d);
enum schedule_start queue_deliver_by_agent(struct queue_destination *d);

/* What a mailbox process, and the parent, may answer. */
extern const struct ipc_schema *const queue_mailbox_answers[];
extern const struct ipc_schema *const queue_agent_answers[];

#endif
