/* What the whole process shares: the lines to its neighbours. */
#ifndef DELIVER_RELAY_SERVER_H
#define DELIVER_RELAY_SERVER_H

#include "common/conf/child.h"

struct relay_server {
	struct channel *queue, *lookup, *resolver;
};

extern struct relay_server relay_server;

#endif
