/*
 * Keywords: each set of them that some message has is kept once, under an id.
 */
#ifndef DELIVER_MAILBOX_STORE_KEYWORD_H
#define DELIVER_MAILBOX_STORE_KEYWORD_H

#include "deliver/mailbox/store/store.h"

/* The id of a set of keywords, made when it is new; 0 is the empty set.
 * UINT32_MAX: too many. An id is never another set's, for views know it. */
uint32_t store_set(struct store *s, struct slice keywords);
void store_each_set(struct store *s, uint32_t after,
    void (*each)(void *owner, uint32_t set, struct slice keywords), void *owner);

/* Appends the keywords of a set, none when there is no such set. False: they cannot be read. */
bool store_set_keywords(struct store *s, uint32_t set, struct buf *keywords);

/* Where there are many sets, those that no message has go. */
void store_sweep_sets(struct store *s);

#endif
