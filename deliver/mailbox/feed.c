#include "deliver/mailbox/feed.h"

#include "common/ipc/any_mailbox.h"

void
feed_changed(struct account *a, uint64_t mailbox, bool removed)
{
	struct handle *h;

	LIST_FOREACH (h, &a->handles, link) {
		struct am_changed m = {
		    .handle = h->id, .modseq = a->store.modseq, .removed = removed};

		if (h->viewed == mailbox && (removed || !h->is_viewing))
			am_changed_send(h->channel, 0, &m, -1);
	}
}

uint64_t
feed_known(const struct account *a, uint64_t mailbox)
{
	uint64_t known = a->store.modseq;
	const struct handle *h;

	LIST_FOREACH (h, &a->handles, link) {
		if (h->viewed == mailbox && h->since < known)
			known = h->since;
	}
	return known;
}

void
feed_end(struct handle *h)
{
	struct am_changed m = {.handle = h->id, .modseq = h->account->store.modseq, .removed = 1};

	if (h->viewed != 0)
		am_changed_send(h->channel, 0, &m, -1);
	h->viewed = 0;
}

void
feed_lost(struct account *a)
{
	struct handle *h;

	LIST_FOREACH (h, &a->handles, link)
		feed_end(h);
}
