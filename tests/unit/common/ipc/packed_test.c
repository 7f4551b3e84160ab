#include "common/ipc/packed.h"

#include "common/ipc/any_mailbox.h"
#include "tests/unit/unit.h"

UNIT_SUITE(packed);

Test(packed, uids_in_network_order)
{
	struct buf out = {0};
	struct slice rest;
	uint32_t uid;

	am_uid_add(&out, 0x01020304);
	am_uid_add(&out, UINT32_MAX);
	buf_add_text(&out, "abc");
	rest = buf_slice(&out);
	cr_assert(slice_has_prefix(rest, SLICE("\1\2\3\4\xff\xff\xff\xff")));
	cr_assert(am_uid_next(&rest, &uid));
	cr_assert_eq(uid, 0x01020304);
	cr_assert(am_uid_next(&rest, &uid));
	cr_assert_eq(uid, UINT32_MAX);
	cr_assert_not(am_uid_next(&rest, &uid), "three octets are no UID");
	buf_fini(&out);
}

Test(packed, ranges)
{
	struct buf out = {0};
	struct slice rest;
	uint32_t first, last;

	am_range_add(&out, 7, 9);
	am_uid_add(&out, 11);
	rest = buf_slice(&out);
	cr_assert(am_range_next(&rest, &first, &last));
	cr_assert_eq(first, 7);
	cr_assert_eq(last, 9);
	cr_assert_not(am_range_next(&rest, &first, &last), "half a range is none");
	buf_fini(&out);
}

Test(packed, records)
{
	struct slice rest = SLICE("\0\0\0\1\x80\0\0\0\0\0\0\2\0\0\0\3\x21\0\0\0\1");
	struct am_record r;

	cr_assert(am_record_next(&rest, &r));
	cr_assert_eq(r.uid, 1);
	cr_assert_eq(r.modseq, (UINT64_C(1) << 63) + 2);
	cr_assert_eq(r.set, 3);
	cr_assert_eq(r.flags, FLAG_RECENT | FLAG_SEEN);
	cr_assert_not(am_record_next(&rest, &r), "the beginning of a record is none");
	cr_assert_eq(rest.len, 4);
}
