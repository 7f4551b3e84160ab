/* FETCH: what is told of messages, in batches that the asker pulls. */
#ifndef DELIVER_MAILBOX_VERB_FETCH_H
#define DELIVER_MAILBOX_VERB_FETCH_H

#include "deliver/mailbox/handle.h"

/* am_fetch, and am_more for the batch after one. */
void verb_fetch(void *owner, struct ipc_message *m);
void verb_more(void *owner, struct ipc_message *m);

/* The handle goes: nobody pulls any more. */
void fetches_forget(struct handle *h);

#endif
