#include "deliver/mailbox/range.h"

bool
range_next(struct slice *ranges, uint32_t *first, uint32_t *last)
{
	const unsigned char *p = (const unsigned char *)ranges->data;

	if (ranges->len < 8)
		return false;
	*first = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	*last = (uint32_t)p[4] << 24 | (uint32_t)p[5] << 16 | (uint32_t)p[6] << 8 | p[7];
	*ranges = slice_from(*ranges, 8);
	return true;
}

void
range_add(struct buf *out, uint32_t n)
{
	char octets[4] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};

	buf_add(out, octets, sizeof(octets));
}

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

	while (range_next(&rest, &first, &last)) {
		if (c->from <= last)
			store_each(s, mailbox, c->from > first ? (uint32_t)c->from : first, last,
			    on_message, &w);
		if (!w.goes_on)
			return false;
		c->at += 8;
	}
	return true;
}
