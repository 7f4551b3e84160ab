/*
 * The lines to the neighbours. A new line to one takes the place of the old: what was in flight
 * there is lost, and tried again.
 */
#ifndef QUEUE_PEERS_H
#define QUEUE_PEERS_H

#include "common/sandbox/sandbox.h"

/* As struct child's peer(). Lines that come before queue_peers_start() wait for it. Takes fd. */
void queue_peer(enum sandbox_role role, int instance, int instances, int fd);
void queue_peers_start(void);
void queue_peers_close(void);

#endif
