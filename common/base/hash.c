#include "common/base/hash.h"

#include "common/base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { HASH_FIRST = 16 };

struct hash_entry {
	struct hash_entry *next;
	void *value;
	uint64_t hash;
	size_t len;
	char key[];
};

static uint64_t
rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static void
sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

uint64_t
hash_keyed(const uint64_t key[2], struct slice s)
{
	uint64_t v[4] = {key[0] ^ 0x736f6d6570736575U, key[1] ^ 0x646f72616e646f6dU,
	    key[0] ^ 0x6c7967656e657261U, key[1] ^ 0x7465646279746573U};
	uint64_t last = (uint64_t)s.len << 56;
	size_t at = 0;

	for (; at + 8 <= s.len; at += 8) {
		uint64_t word;

		memcpy(&word, s.data + at, 8);
		v[3] ^= word;
		sip_round(v);
		sip_round(v);
		v[0] ^= word;
	}
	for (int shift = 0; at < s.len; at++, shift += 8)
		last |= (uint64_t)(unsigned char)s.data[at] << shift;
	v[3] ^= last;
	sip_round(v);
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
hash_octets(struct slice s)
{
	static uint64_t key[2];

	if (key[0] == 0)
		arc4random_buf(key, sizeof(key));
	return hash_keyed(key, s);
}

void
hash_init(struct hash *t)
{
	*t = (struct hash){.slots = NULL};
}

void
hash_fini(struct hash *t)
{
	for (size_t i = 0; i < t->size; i++) {
		struct hash_entry *e = t->slots[i];

		while (e != NULL) {
			struct hash_entry *next = e->next;

			free(e);
			e = next;
		}
	}
	free(t->slots);
	hash_init(t);
}

/* The link that points at the entry, or at the end of its chain. */
static struct hash_entry **
find_link(const struct hash *t, uint64_t hash, struct slice key)
{
	struct hash_entry **link = &t->slots[hash & (t->size - 1)];

	while (*link != NULL &&
	       ((*link)->hash != hash || !slice_equal(slice_make((*link)->key, (*link)->len), key)))
		link = &(*link)->next;
	return link;
}

static void
grow(struct hash *t)
{
	size_t size = t->size == 0 ? HASH_FIRST : t->size * 2;
	struct hash_entry **slots = mem_array(size, sizeof(struct hash_entry *));

	for (size_t i = 0; i < t->size; i++) {
		struct hash_entry *e = t->slots[i];

		while (e != NULL) {
			struct hash_entry *next = e->next;

			e->next = slots[e->hash & (size - 1)];
			slots[e->hash & (size - 1)] = e;
			e = next;
		}
	}
	free(t->slots);
	t->slots = slots;
	t->size = size;
}

void *
hash_find(const struct hash *t, struct slice key)
{
	struct hash_entry *e;

	if (t->count == 0)
		return NULL;
	e = *find_link(t, hash_octets(key), key);
	return e == NULL ? NULL : e->value;
}

void *
hash_add(struct hash *t, struct slice key, void *value)
{
	uint64_t hash = hash_octets(key);
	struct hash_entry **link, *e;

	if (t->count >= t->size)
		grow(t);
	link = find_link(t, hash, key);
	e = *link;
	if (e != NULL) {
		void *old = e->value;

		e->value = value;
		return old;
	}
	e = mem_zero(sizeof(*e) + key.len);
	e->value = value;
	e->hash = hash;
	e->len = key.len;
	if (key.len > 0)
		memcpy(e->key, key.data, key.len);
	*link = e;
	t->count++;
	return NULL;
}

void *
hash_remove(struct hash *t, struct slice key)
{
	struct hash_entry **link, *e;
	void *value;

	if (t->count == 0)
		return NULL;
	link = find_link(t, hash_octets(key), key);
	e = *link;
	if (e == NULL)
		return NULL;
	value = e->value;
	*link = e->next;
	free(e);
	t->count--;
	return value;
}

bool
hash_next(const struct hash *t, struct hash_walk *walk, struct slice *key, void **value)
{
	if (walk->entry != NULL)
		walk->entry = walk->entry->next;
	while (walk->entry == NULL) {
		if (walk->slot >= t->size)
			return false;
		walk->entry = t->slots[walk->slot++];
	}
	*key = slice_make(walk->entry->key, walk->entry->len);
	*value = walk->entry->value;
	return true;
}
