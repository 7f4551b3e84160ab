/* The file that a large APPEND is written into, before it is known to be whole. */
#ifndef DELIVER_MAILBOX_VERB_SPOOL_H
#define DELIVER_MAILBOX_VERB_SPOOL_H

#include "deliver/mailbox/handle.h"

/* am_spool: lends one, in place of the handle's last. */
void verb_spool(void *owner, struct ipc_message *m);

/* The file of that am_spool, which is the caller's then, until spool_close(); -1: there is none. */
int spool_take(struct handle *h, uint32_t id);
void spool_close(struct account *a, int fd);

/* The handle's goes, if it has one. */
void spool_drop(struct handle *h);

#endif
