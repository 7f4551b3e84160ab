/*
 * The neighbours of a process: the kinds of process that the parent may join it to, a row of one
 * table each. A row says where the lines are kept, what may be heard on them, and what to do when
 * one comes or goes; the rest of a line's life is the same for all, and here.
 *
 * The place where a line is kept is what handlers get as their owner: ipc_asker_of() wants it,
 * and its distance from row.lines is the neighbour's instance.
 */
#ifndef COMMON_IPC_NEIGHBOUR_H
#define COMMON_IPC_NEIGHBOUR_H

#include "common/ipc/channel.h"
#include "common/sandbox/sandbox.h"

/* One kind of neighbour. The table ends with a row that keeps no lines. */
struct neighbour {
	enum sandbox_role role;
	struct channel **lines; /* their places; NULL in one: it is not there now */
	int most;               /* how many places these are; 0: one */

	/* As in struct channel_options. */
	const struct ipc_handler *handlers;
	const struct ipc_schema *const *answers;
	void (*late)(void *place, struct ipc_message *m);
	bool is_answerer;

	/* A line came; one goes: its place is empty already, and it is closed after it. Or NULL. */
	void (*up)(struct channel **place);
	void (*down)(struct channel **place, struct channel *gone);
};

/* Once, before the first line comes: whom this process knows; NULL: nobody. The table is kept. */
void neighbours_init(const struct neighbour *table);

/*
 * A line to that neighbour, the first or a new one in place of an older, which goes first. Takes
 * fd. False: no row names the neighbour, and fd is closed.
 */
bool neighbours_take(enum sandbox_role role, int instance, int fd);

/* Whose line that is; false: no neighbour's. */
bool neighbours_find(const struct channel *c, enum sandbox_role *role, int *instance);

/* All lines go, as if their neighbours had. */
void neighbours_close(void);

#endif
