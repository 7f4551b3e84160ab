/*
 * What clients ask of a message before they read it: envelope and structure, as IMAP sends them.
 */
#ifndef DELIVER_MAILBOX_STORE_INDEX_H
#define DELIVER_MAILBOX_STORE_INDEX_H

#include "deliver/mailbox/store/beside.h"

struct store_index {
	struct slice envelope, structure, basic;
	struct buf octets; /* they stand here, unless they are borrowed */
	uint64_t header_size;
	int64_t sent; /* midnight of the Date field's day; INT64_MIN: none */
};
void store_index_make(struct slice message, struct store_index *i);
void store_index_fini(struct store_index *i);

/* That of a body; and borrowed, in a walk beside one over messages, until the next of the walk.
 * False: there is none. */
bool store_index(struct store *s, uint64_t body, struct store_index *i);
bool store_index_beside(
    struct store *s, struct store_beside *b, uint64_t body, struct store_index *i);

/* It comes and goes with the body. The header's size is given apart: lines may stand before what
 * the index was made of. */
enum store_result store_index_add(
    struct store *s, uint64_t body, uint64_t header_size, const struct store_index *i);
enum store_result store_index_remove(struct store *s, uint64_t body);

#endif
