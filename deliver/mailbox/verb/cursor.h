/*
 * A place among the messages that ranges of UIDs name, kept from one slice of work to the next.
 */
#ifndef DELIVER_MAILBOX_VERB_CURSOR_H
#define DELIVER_MAILBOX_VERB_CURSOR_H

#include "deliver/mailbox/store/message.h"
#include "deliver/mailbox/store/store.h"

struct cursor {
	struct buf ranges;
	size_t at;     /* of the range in hand */
	uint64_t from; /* uids below are done */
};

void cursor_init(struct cursor *c, struct slice ranges);
void cursor_fini(struct cursor *c);

/* Calls each for the messages that are left, until it returns false: that message is done, and
 * so is the walk for now. True when none is left. */
bool cursor_walk(struct cursor *c, struct store *s, uint64_t mailbox,
    bool (*each)(void *owner, const struct store_message *m), void *owner);

#endif
