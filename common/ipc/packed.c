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

/* A SELECT takes tens of thousands of records: no call for each number of them. */
static inline uint32_t
u32_at(const char *at)
{
	const unsigned char *p = (const unsigned char *)at;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

bool
am_record_next(struct slice *records, struct am_record *record)
{
	const char *p = records->data;

	if (records->len < AM_RECORD)
		return false;
	*record = (struct am_record){.uid = u32_at(p),
	    .modseq = (uint64_t)u32_at(p + 4) << 32 | u32_at(p + 8),
	    .set = u32_at(p + 12),
	    .flags = (uint8_t)p[AM_RECORD - 1]};
	*records = slice_from(*records, AM_RECORD);
	return true;
}
