/*
 * What all sessions of this process share: the lines to its neighbours.
 */
#ifndef POP3D_SERVER_H
#define POP3D_SERVER_H

#include "common/conf/child.h"
#include "common/conf/service.h"

struct pop3_server {
	struct channel *lookup, *keyholder;
	struct channel *mailboxes[LIMIT_INSTANCES];
	LIST_HEAD(, pop3_session) sessions;
};

extern struct pop3_server pop3_server;

/* Whom it has lines to. */
extern const struct neighbour pop3_neighbours[];

/* Once, before child_main(). */
void pop3_server_init(void);

/* The hook of struct child. */
void pop3_server_drain(void);

#endif
