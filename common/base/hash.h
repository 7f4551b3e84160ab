/*
 * A table from octets to pointers, keyed with a secret of this process (SipHash), so that a
 * stranger who picks the keys cannot make it slow. The keys are copied; the values are not owned.
 */
#ifndef COMMON_BASE_HASH_H
#define COMMON_BASE_HASH_H

#include "common/base/slice.h"

struct hash_entry;

struct hash {
	struct hash_entry **slots;
	size_t size; /* slots, a power of two */
	size_t count;
};

void hash_init(struct hash *t);
void hash_fini(struct hash *t);

/* What stands under key, or NULL. */
void *hash_find(const struct hash *t, struct slice key);

/* Puts value (not NULL) under key; returns what stood there before, or NULL. */
void *hash_add(struct hash *t, struct slice key, void *value);

/* Takes the entry out; returns its value, or NULL. */
void *hash_remove(struct hash *t, struct slice key);

/* Walks all entries, from a zeroed walk; false at the end. No changes to the table meanwhile. */
struct hash_walk {
	size_t slot;
	const struct hash_entry *entry;
};
bool hash_next(const struct hash *t, struct hash_walk *walk, struct slice *key, void **value);

/* A 64-bit number as a key. */
#define HASH_NUMBER(n) slice_make((const char *)&(n), sizeof(n))

/* SipHash-2-4 with the process's own random key; and with one that is given. */
uint64_t hash_octets(struct slice s);
uint64_t hash_keyed(const uint64_t key[2], struct slice s);

#endif
