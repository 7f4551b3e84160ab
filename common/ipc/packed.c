#include "common/ipc/packed.h"

#include "common/base/pack.h"
#include "common/ipc/any_mailbox.h"

void
am_uid_add(struct buf *out, uint32_t uid)
{
	pack_number(out, 4, uid);
}

void
am_range_add(struct buf *out, uint32_t first, uint32_t last)
{
	am_uid_add(out, first);
	am_uid_add(out, last);
}

bool
am_uid_next(struct slice *uids, uint32_t *uid)
{
	return unpack_u32(uids, uid);
}

bool
am_range_next(struct slice *ranges, uint32_t *first, uint32_t *last)
{
	if (ranges->len < 8)
		return false;
	return unpack_u32(ranges, first) && unpack_u32(ranges, last);
}

bool
am_record_next(struct slice *records, struct am_record *record)
{
	struct slice rest = *records;
	uint64_t flags;

	if (!unpack_u32(&rest, &record->uid) || !unpack_number(&rest, 8, &record->modseq) ||
	    !unpack_u32(&rest, &record->set) || !unpack_number(&rest, 1, &flags))
		return false;
	record->flags = (uint8_t)flags;
	*records = rest;
	return true;
}
