/*
 * queue keeps a message until it hears that it is durable here, so a delivery waits for others of
 * its account a little while.
 */
#ifndef DELIVER_MAILBOX_BATCH_H
#define DELIVER_MAILBOX_BATCH_H

#include "deliver/mailbox/account.h"

void batch_init(void);

/* A delivery of so many octets was stored, and somebody waits for it. */
void batch_add(struct account *a, size_t octets);
void batch_forget(struct account *a);
void batches_finish(void); /* they wait no longer */

#endif
