/*
 * The requests of one side of a channel that wait for their answers: which id is whose, how many
 * there may be, and when waiting is over. A request ends exactly once: by requests_done(), by its
 * deadline, or by requests_fail().
 */
#ifndef COMMON_IPC_REQUEST_H
#define COMMON_IPC_REQUEST_H

#include "common/base/hash.h"
#include "common/ipc/channel.h"

struct requests {
	struct hash open;
	uint32_t next_id;
	bool is_anew; /* all ids were had once: some may be open still */
	size_t most;
};

void requests_init(struct requests *t, size_t most);
void requests_fini(struct requests *t); /* none is open any more */

/* Gives its id; 0: there are as many as there may be. */
uint32_t requests_open(struct requests *t, const struct channel_request *r);

/* Gives an answer to who waits for it; false: nobody does. */
bool requests_answer(struct requests *t, struct ipc_message *m);

/* Whether a request ever had that id. */
bool requests_had(const struct requests *t, uint32_t id);

/* It is over, if it is open still; what answers it from now on is late. */
void requests_done(struct requests *t, uint32_t id);

/* Ends them all as CHANNEL_DOWN; those that are opened meanwhile, too. */
void requests_fail(struct requests *t);

#endif
