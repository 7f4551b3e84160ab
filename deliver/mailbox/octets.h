/*
 * A message as it is stored, to be read: unpacked in memory, or its file mapped. It stays what it
 * was, and may be read in the pool, though its body be removed meanwhile.
 */
#ifndef DELIVER_MAILBOX_OCTETS_H
#define DELIVER_MAILBOX_OCTETS_H

#include "deliver/mailbox/store.h"

struct octets {
	struct slice all; /* empty: it cannot be read */
	struct buf unpacked;
	void *map; /* NULL: none */
};

void octets_load(struct octets *o, struct store *s, uint64_t body);
void octets_fini(struct octets *o);

#endif
