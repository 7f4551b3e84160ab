/*
 * A binary heap of things that wait for a time: deadlines, the queue's schedule. The nodes
 * live inside their owners and know their place, so any can be removed in log n.
 */
#ifndef COMMON_BASE_HEAP_H
#define COMMON_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap_node {
	int64_t key;  /* smallest first; ours to read, heap_add() writes it */
	size_t place; /* 1-based; 0: in no heap */
};

struct heap {
	struct heap_node **nodes;
	size_t count;
	size_t capacity;
};

void heap_init(struct heap *h);
void heap_fini(struct heap *h); /* forgets the nodes; they belong to their owners */

/* Adds the node under key, or moves it there when it is in this heap already. */
void heap_add(struct heap *h, struct heap_node *node, int64_t key);

/* Takes the node out; nothing happens when it is in no heap. */
void heap_remove(struct heap *h, struct heap_node *node);

/* The node with the smallest key, or NULL. It stays in the heap. */
struct heap_node *heap_first(const struct heap *h);

bool heap_has(const struct heap_node *node);

#endif
