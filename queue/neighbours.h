/*
 * The lines to the neighbours. A new line to one takes the place of the old: what was in flight
 * there is lost, and tried again.
 */
#ifndef QUEUE_NEIGHBOURS_H
#define QUEUE_NEIGHBOURS_H

#include "common/ipc/neighbour.h"

extern const struct neighbour queue_neighbours[];

#endif
