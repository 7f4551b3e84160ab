#include "deliver/mailbox/verb/cursor.h"

#include "common/ipc/packed.h"
#include "deliver/mailbox/store/message.h"

void
cursor_init(struct cursor *c, struct slice ranges)
{
	*c = (struct cursor){.at = 0};
	buf_add_slice(&c->ranges, ranges);
}

void
cursor_fini(struct cursor *c)
{
	buf_fini(&c->ranges);
}

struct walk {
	struct cursor *cursor;
	bool (*each)(void *owner, const struct store_message *m);
	void *owner;
	bool goes_on;
};

static bool
on_message(void *owner, const struct store_message *m)
{
	struct walk *w = owner;

	w->cursor->from = (uint64_t)m->uid + 1;
	w->goes_on = w->each(w->owner, m);
	return w->goes_on;
}

bool
cursor_walk(struct cursor *c, struct store *s, uint64_t mailbox,
    bool (*each)(void *owner, const struct store_message *m), void *owner)
{
	struct walk w = {.cursor = c, .each = each, .owner = owner, .goes_on = true};
	struct slice rest = slice_from(buf_slice(&c->ranges), c->at);
	uint32_t first, last;

	while (am_range_next(&rest, &first, &last)) {
		if (c->from <= last)
			store_each(s, mailbox, c->from > first ? (uint32_t)c->from : first, last,
			    on_message, &w);
		if (!w.goes_on)
			return false;
		c->at += 8;
	}
	return true;
}
