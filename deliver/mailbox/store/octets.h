/*
 * A message as it is stored, to be read: unpacked in memory, or its file mapped. It stays what it
 * was, and may be read in the pool, though its body be removed meanwhile.
 */
#ifndef DELIVER_MAILBOX_STORE_OCTETS_H
#define DELIVER_MAILBOX_STORE_OCTETS_H

#include "deliver/mailbox/store/store.h"

struct octets {
	struct slice all; /* empty: it cannot be read */
	struct buf unpacked;
	void *map; /* NULL: none */
	size_t mapped;
};

void octets_load(struct octets *o, struct store *s, uint64_t body);

/* Call it in the pool, before a file is read there. Has the disk read it: what it cannot give back
 * is an end of this process when it is met in the map. */
void octets_check(struct octets *o);
void octets_fini(struct octets *o);

#endif
