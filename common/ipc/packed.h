/*
 * What stands packed in the octets of any_mailbox.h, all of it in network order: UIDs, one by one or
 * as ranges (the first and the last), and records of messages. A rest that is too short for one more
 * is the end.
 */
#ifndef COMMON_IPC_PACKED_H
#define COMMON_IPC_PACKED_H

#include "common/base/buf.h"

void am_uid_add(struct buf *out, uint32_t uid);
void am_range_add(struct buf *out, uint32_t first, uint32_t last);

/* Take one off the front; false at the end. */
bool am_uid_next(struct slice *uids, uint32_t *uid);
bool am_range_next(struct slice *ranges, uint32_t *first, uint32_t *last);

/* One of am_messages, AM_RECORD octets. */
struct am_record {
	uint32_t uid;
	uint64_t modseq;
	uint32_t set; /* of keywords */
	uint8_t flags;
};

bool am_record_next(struct slice *records, struct am_record *record);

#endif
