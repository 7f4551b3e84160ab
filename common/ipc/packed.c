#include "common/ipc/packed.h"

#include "common/ipc/any_mailbox.h"

static uint32_t
take_u32(struct slice *octets)
{
	const unsigned char *p = (const unsigned char *)octets->data;

	*octets = slice_from(*octets, 4);
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void
am_uid_add(struct buf *out, uint32_t uid)
{
	char octets[4] = {(char)(uid >> 24), (char)(uid >> 16), (char)(uid >> 8), (char)uid};

	buf_add(out, octets, sizeof(octets));
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
	if (uids->len < 4)
		return false;
	*uid = take_u32(uids);
	return true;
}

bool
am_range_next(struct slice *ranges, uint32_t *first, uint32_t *last)
{
	if (ranges->len < 8)
		return false;
	*first = take_u32(ranges);
	*last = take_u32(ranges);
	return true;
}

bool
am_record_next(struct slice *records, struct am_record *record)
{
	struct slice rest = *records;

	if (rest.len < AM_RECORD)
		return false;
	record->uid = take_u32(&rest);
	record->modseq = (uint64_t)take_u32(&rest) << 32;
	record->modseq |= take_u32(&rest);
	record->set = take_u32(&rest);
	record->flags = (uint8_t)rest.data[0];
	*records = slice_from(*records, AM_RECORD);
	return true;
}
