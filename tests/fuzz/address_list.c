/* The addresses of a header field: items without line ends, groups that end, and no more than came. */
#include "tests/fuzz/fuzz.h"

#include "common/base/limits.h"
#include "common/mail/address_list.h"

static void
check_item(const struct address_item *i, bool *in_group)
{
	PROPERTY(fuzz_is_one_line(i->name) && fuzz_is_one_line(i->route));
	PROPERTY(fuzz_is_one_line(i->local) && fuzz_is_one_line(i->domain));
	switch (i->kind) {
	case ADDRESS_ITEM_MAILBOX:
		PROPERTY(i->local.data != NULL && i->domain.data != NULL);
		break;
	case ADDRESS_ITEM_GROUP:
		PROPERTY(!*in_group);
		*in_group = true;
		break;
	case ADDRESS_ITEM_GROUP_END:
		PROPERTY(*in_group);
		*in_group = false;
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct address_list l;
	struct address_item item;
	size_t octets = 0, count = 0;
	bool in_group = false;

	address_list_init(&l, fuzz_slice(data, size));
	while (address_list_next(&l, &item)) {
		check_item(&item, &in_group);
		octets += item.name.len + item.route.len + item.local.len + item.domain.len;
		PROPERTY(++count <= LIMIT_ADDRESSES + 1);
	}
	PROPERTY(!in_group);
	PROPERTY(octets <= 2 * size && count <= 2 * size + 2);
	address_list_fini(&l);
	return 0;
}
