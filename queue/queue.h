/*
 * What the whole process shares: the store, the lines to its neighbours, and what the
 * configuration says about age.
 */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "common/base/limits.h"
#include "common/ipc/channel.h"
#include "queue/schedule/expire.h"
#include "queue/store/store.h"

struct queue {
	struct store *store;
	struct expire_rules rules;
	char hostname[LIMIT_HOSTNAME + 1];
	struct channel *parent; /* asks for agents */
	struct channel *lookup;
	struct channel *listeners[LIMIT_INSTANCES];
	struct channel *relays[LIMIT_INSTANCES];
	struct channel *mailboxes[LIMIT_INSTANCES];
	int mailbox_count;   /* processes that share the mail store */
	bool is_smtp_paused; /* by smtpctl */
	bool is_draining;
	bool has_given_up;
	void (*give_up)(void); /* ends the process; the disk has the truth */
};

extern struct queue queue;

/* The store fails in a way that no retry mends: says why and soon ends the process, to start anew
 * from the disk. */
void queue_give_up(const char *what);

/* Takes back what was written since commit_save(), ids among it. */
void queue_undo(void);

#endif
