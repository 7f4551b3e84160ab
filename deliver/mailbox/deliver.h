/* Delivery: what queue says, message by message of queue_mailbox.h. */
#ifndef DELIVER_MAILBOX_DELIVER_H
#define DELIVER_MAILBOX_DELIVER_H

#include "common/ipc/channel.h"

extern const struct ipc_handler delivery[];

/* The line to queue is gone; NULL: any, for the process ends. */
void deliveries_forget(struct channel *c);

#endif
