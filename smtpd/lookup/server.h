/*
 * The lines to those that ask lookup, and to the mailbox processes that it tells of grants. An
 * answer may take a while (a hash, a file), and the asker may be gone by then: struct asker
 * survives that.
 */
#ifndef SMTPD_LOOKUP_SERVER_H
#define SMTPD_LOOKUP_SERVER_H

#include "common/ipc/channel.h"
#include "common/sandbox/sandbox.h"

/* One process's place; a new line in it is another run of that process. */
struct line {
	struct channel *channel;
	unsigned run;
};

struct asker {
	const struct line *line;
	unsigned run;
	uint32_t id;
};

/* The asker of a request that is being handled; owner is the handler's. */
struct asker asker_of(void *owner, const struct ipc_message *m);

/* Where to answer; NULL: that run of the process is over. channel_send() takes NULL too. */
struct channel *asker_channel(const struct asker *a);

/* The mailbox process that owns an account. */
uint8_t server_mailbox_of(struct slice account);
struct channel *server_mailbox(uint8_t instance); /* NULL: not there now */

/* The child's peer(). */
void server_peer(enum sandbox_role role, int instance, int instances, int fd);

#endif
