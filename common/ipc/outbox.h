/*
 * What waits on a channel to be sent: frames, packed, and the descriptors that leave with them.
 * A descriptor is its sender's until outbox_add(), and the kernel's after its octets have left.
 */
#ifndef COMMON_IPC_OUTBOX_H
#define COMMON_IPC_OUTBOX_H

#include "common/base/buf.h"
#include "common/ipc/schema.h"

#include <sys/queue.h>

struct outbox {
	struct buf octets;
	uint64_t sent; /* octets ever taken by the kernel; these begin there */
	STAILQ_HEAD(, outbox_fd) fds;
};

void outbox_init(struct outbox *o);
void outbox_fini(struct outbox *o);

/* Packs a message behind the others. Takes fd. Gives NULL, or the field that is out of range. */
const char *outbox_add(
    struct outbox *o, const struct ipc_schema *schema, uint32_t id, const void *message, int fd);

/* Sends what the socket takes now: all of it, or not yet all; or nobody is there any more. */
enum outbox_result { OUTBOX_SENT, OUTBOX_BLOCKED, OUTBOX_BROKEN };
enum outbox_result outbox_send(struct outbox *o, int sock);

#endif
