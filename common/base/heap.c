#include "common/base/heap.h"

#include "common/base/assert.h"
#include "common/base/mem.h"

enum { HEAP_FIRST = 16 };

static void
put(struct heap *h, size_t place, struct heap_node *node)
{
	h->nodes[place - 1] = node;
	node->place = place;
}

static void
rise(struct heap *h, struct heap_node *node)
{
	size_t place = node->place;

	while (place > 1 && h->nodes[place / 2 - 1]->key > node->key) {
		put(h, place, h->nodes[place / 2 - 1]);
		place /= 2;
	}
	put(h, place, node);
}

static void
sink(struct heap *h, struct heap_node *node)
{
	size_t place = node->place;

	for (;;) {
		size_t child = place * 2;

		if (child > h->count)
			break;
		if (child < h->count && h->nodes[child]->key < h->nodes[child - 1]->key)
			child++;
		if (h->nodes[child - 1]->key >= node->key)
			break;
		put(h, place, h->nodes[child - 1]);
		place = child;
	}
	put(h, place, node);
}

void
heap_init(struct heap *h)
{
	*h = (struct heap){.nodes = NULL};
}

void
heap_fini(struct heap *h)
{
	for (size_t i = 0; i < h->count; i++)
		h->nodes[i]->place = 0;
	free(h->nodes);
	heap_init(h);
}

void
heap_add(struct heap *h, struct heap_node *node, int64_t key)
{
	node->key = key;
	if (node->place == 0) {
		if (h->count == h->capacity) {
			h->capacity = h->capacity == 0 ? HEAP_FIRST : h->capacity * 2;
			h->nodes = mem_resize(h->nodes, h->capacity * sizeof(struct heap_node *));
		}
		put(h, ++h->count, node);
	}
	rise(h, node);
	sink(h, node);
}

void
heap_remove(struct heap *h, struct heap_node *node)
{
	struct heap_node *last;

	if (node->place == 0)
		return;
	ASSERT(node->place <= h->count && h->nodes[node->place - 1] == node);
	last = h->nodes[--h->count];
	if (last != node) {
		put(h, node->place, last);
		rise(h, last);
		sink(h, last);
	}
	node->place = 0;
}

struct heap_node *
heap_first(const struct heap *h)
{
	return h->count == 0 ? NULL : h->nodes[0];
}

bool
heap_has(const struct heap_node *node)
{
	return node->place != 0;
}
