/* Sets of numbers: what is resolved is sorted, without overlaps, and resolved. */
#include "tests/fuzz/fuzz.h"

#include "imapd/sequence.h"

static void
check_resolved(const struct imap_set *set, uint32_t most)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct imap_range *r = &set->ranges[i];

		PROPERTY(r->first != IMAP_STAR && r->first <= r->last);
		PROPERTY(i == 0 || r->first > r[-1].last);
		PROPERTY(i == 0 || r->first - r[-1].last > 1);
	}
	if (set->count > 0 && !imap_set_is_beyond(set, most))
		PROPERTY(set->ranges[set->count - 1].last <= most);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = fuzz_slice(data, size);
	uint32_t most = fuzz_octet(&in) << 8;
	struct imap_set set;
	size_t count;

	most = most == 0xff00 ? UINT32_MAX : most | fuzz_octet(&in);
	if (imap_set_parse(&set, in)) {
		PROPERTY(set.count > 0 && set.count <= in.len / 2 + 1);
		imap_set_is_beyond(&set, most);
		imap_set_resolve(&set, most);
		check_resolved(&set, most);
		count = set.count;
		imap_set_resolve(&set, most);
		PROPERTY(set.count == count);
	} else {
		PROPERTY(set.count == 0);
	}
	imap_set_fini(&set);
	return 0;
}
