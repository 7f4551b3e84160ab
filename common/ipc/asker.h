/*
 * Who asked, kept for an answer that comes later. By then the asker's process may be gone, and
 * another may run in its place: an answer is for the line that the question came on and for no
 * other, since the ids of requests begin anew with each line.
 */
#ifndef COMMON_IPC_ASKER_H
#define COMMON_IPC_ASKER_H

#include "common/ipc/channel.h"

struct ipc_asker {
	struct channel *const *place; /* where that kind of process has its line now, or NULL */
	uint64_t serial;              /* of the line that it asked on */
	uint32_t id;
};

/* The asker of a message that is being handled. The place must outlive the answer. */
struct ipc_asker ipc_asker_of(struct channel *const *place, const struct ipc_message *m);

/* Where to answer; NULL: that line is no more. channel_send() takes NULL too. */
struct channel *ipc_asker_channel(const struct ipc_asker *a);

#endif
