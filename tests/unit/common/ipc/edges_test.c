#include "tests/unit/unit.h"

#include "common/ipc/edges.h"
#include "common/sandbox/sandbox.h"

UNIT_SUITE(edges);

static const struct {
	enum sandbox_role asker, answerer;
} edges[] = {
#define E(a, b) {SANDBOX_##a, SANDBOX_##b},
    IPC_EDGES(E)
#undef E
};

enum { EDGE_COUNT = sizeof(edges) / sizeof(edges[0]) };

/* Requests that went in a circle could fill every line on it and wait for each other for ever. */
Test(edges, form_no_cycle)
{
	bool gone[SANDBOX_ROLE_COUNT] = {false};
	bool changed = true;

	while (changed) {
		changed = false;
		for (int role = 0; role < SANDBOX_ROLE_COUNT; role++) {
			bool asks = false;

			for (size_t i = 0; i < EDGE_COUNT; i++)
				asks |= edges[i].asker == (enum sandbox_role)role &&
					!gone[edges[i].answerer];
			if (!asks && !gone[role]) {
				gone[role] = true;
				changed = true;
			}
		}
	}
	for (int role = 0; role < SANDBOX_ROLE_COUNT; role++)
		cr_assert(gone[role], "%s is on a cycle", sandbox_title((enum sandbox_role)role));
}
