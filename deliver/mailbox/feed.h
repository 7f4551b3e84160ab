/*
 * The news of mailboxes that go to the handles which view them, and what those know already.
 */
#ifndef DELIVER_MAILBOX_FEED_H
#define DELIVER_MAILBOX_FEED_H

#include "deliver/mailbox/handle.h"

/* Tells every handle that views the mailbox that it has changed, or is gone. */
void feed_changed(struct account *a, uint64_t mailbox, bool removed);

/* The modseq up to which all that view the mailbox know what happened. The store is open. */
uint64_t feed_known(const struct account *a, uint64_t mailbox);

/* Ends a view that cannot be told what happened: its mailbox is gone, as far as it hears. */
void feed_end(struct handle *h);

/* Tells all that view a mailbox of the account that it is gone: what they know may not be so. */
void feed_lost(struct account *a);

#endif
