#include "tests/unit/unit.h"

#include "common/base/heap.h"

UNIT_SUITE(heap);

enum { NODES = 500 };

Test(heap, gives_the_smallest_whatever_is_removed_between)
{
	struct heap h;
	struct heap_node nodes[NODES] = {0};
	uint32_t seed = 7;
	int64_t last = -1;
	size_t left = NODES;

	heap_init(&h);
	for (size_t i = 0; i < NODES; i++) {
		seed = seed * 1664525 + 1013904223;
		heap_add(&h, &nodes[i], seed >> 20);
	}
	for (size_t i = 0; i < NODES; i += 3) {
		heap_remove(&h, &nodes[i]);
		left--;
	}
	for (size_t i = 1; i < NODES; i += 3)
		heap_add(&h, &nodes[i], nodes[i].key + 100);
	cr_assert_eq(h.count, left);
	while (heap_first(&h) != NULL) {
		struct heap_node *n = heap_first(&h);

		cr_assert_geq(n->key, last);
		last = n->key;
		heap_remove(&h, n);
		cr_assert_not(heap_has(n));
	}
	heap_fini(&h);
}
