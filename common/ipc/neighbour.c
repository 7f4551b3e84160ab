#include "common/ipc/neighbour.h"

#include "common/base/assert.h"

#include <stddef.h>
#include <unistd.h>

static const struct neighbour nobody[] = {{0}}, *neighbours = nobody;

void
neighbours_init(const struct neighbour *table)
{
	neighbours = table != NULL ? table : nobody;
}

static int
places_of(const struct neighbour *n)
{
	return n->most == 0 ? 1 : n->most;
}

/* The row that a place is in. */
static const struct neighbour *
row_of(struct channel *const *place)
{
	for (const struct neighbour *n = neighbours; n->lines != NULL; n++) {
		for (int i = 0; i < places_of(n); i++) {
			if (&n->lines[i] == place)
				return n;
		}
	}
	PANIC("a line is in no place of a neighbour's");
}

static void
lose(const struct neighbour *n, struct channel **place)
{
	struct channel *gone = *place;

	if (gone == NULL)
		return;
	*place = NULL;
	if (n->down != NULL)
		n->down(place, gone);
	channel_close(gone);
}

static void
on_down(void *owner)
{
	lose(row_of(owner), owner);
}

static const struct neighbour *
find_role(enum sandbox_role role)
{
	const struct neighbour *n = neighbours;

	while (n->lines != NULL && n->role != role)
		n++;
	return n->lines == NULL ? NULL : n;
}

bool
neighbours_take(enum sandbox_role role, int instance, int fd)
{
	const struct neighbour *n = find_role(role);
	struct channel_options o = {.down = on_down};

	if (n == NULL || instance < 0 || instance >= places_of(n)) {
		close(fd);
		return false;
	}
	o.peer = sandbox_title(role);
	o.handlers = n->handlers;
	o.answers = n->answers;
	o.late = n->late;
	o.is_answerer = n->is_answerer;
	o.owner = &n->lines[instance];
	lose(n, o.owner);
	n->lines[instance] = channel_new(fd, &o);
	if (n->up != NULL)
		n->up(o.owner);
	return true;
}

bool
neighbours_find(const struct channel *c, enum sandbox_role *role, int *instance)
{
	for (const struct neighbour *n = neighbours; n->lines != NULL; n++) {
		for (int i = 0; i < places_of(n); i++) {
			if (n->lines[i] == c) {
				*role = n->role;
				*instance = i;
				return true;
			}
		}
	}
	return false;
}

void
neighbours_close(void)
{
	for (const struct neighbour *n = neighbours; n->lines != NULL; n++) {
		for (int i = 0; i < places_of(n); i++)
			lose(n, &n->lines[i]);
	}
}
