/*
 * What all sessions of this process share: the lines to its neighbours, the message ids that
 * queue gave, and whether queue takes mail.
 */
#ifndef SMTPD_LISTENER_SERVER_H
#define SMTPD_LISTENER_SERVER_H

#include "common/conf/child.h"
#include "common/conf/service.h"
#include "common/ipc/listener_queue.h"

#include <sys/queue.h>

struct smtp_server {
	struct channel *lookup, *resolver, *keyholder, *queue;
	LIST_HEAD(, smtp_session) sessions;
	uint64_t next_id, ids_left; /* message ids to use */
	bool is_draining;           /* no new transactions */
	int closed_code;            /* what queue has MAIL hear; 0: it takes mail */
	char closed_text[LQ_STATE_TEXT + 1];
};

extern struct smtp_server smtp_server;

/* Whom it has lines to. */
extern const struct neighbour smtp_neighbours[];

/* Once, before child_main(). */
void smtp_server_init(void);

/* The hook of struct child. */
void smtp_server_drain(void);

/* The next message id, or 0 when queue has given none. */
uint64_t smtp_server_message_id(void);

#endif
