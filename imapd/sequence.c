#include "imapd/sequence.h"

#include "common/base/mem.h"

static bool
parse_number(struct slice text, uint32_t *number)
{
	uint64_t n;

	if (slice_equal_text(text, "*")) {
		*number = IMAP_STAR;
		return true;
	}
	if (!slice_number(text, UINT32_MAX, &n) || n == 0)
		return false;
	*number = (uint32_t)n;
	return true;
}

static bool
parse_range(struct slice text, struct imap_range *range)
{
	ptrdiff_t colon = slice_find(text, ':');

	if (colon < 0) {
		if (!parse_number(text, &range->first))
			return false;
		range->last = range->first;
		return true;
	}
	return parse_number(slice_sub(text, 0, (size_t)colon), &range->first) &&
	       parse_number(slice_from(text, (size_t)colon + 1), &range->last);
}

bool
imap_set_parse(struct imap_set *set, struct slice text)
{
	size_t most = 1;
	struct slice part;

	*set = (struct imap_set){0};
	if (text.len == 0 || text.data[text.len - 1] == ',')
		return false;
	for (size_t i = 0; i < text.len; i++)
		most += text.data[i] == ',';
	set->ranges = mem_array(most, sizeof(set->ranges[0]));
	while (slice_split(&text, ',', &part)) {
		if (!parse_range(part, &set->ranges[set->count++])) {
			imap_set_fini(set);
			return false;
		}
	}
	return true;
}

void
imap_set_fini(struct imap_set *set)
{
	free(set->ranges);
	*set = (struct imap_set){0};
}

bool
imap_set_is_beyond(const struct imap_set *set, uint32_t most)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct imap_range *r = &set->ranges[i];

		if (r->first != IMAP_STAR && r->last != IMAP_STAR &&
		    (r->first > most || r->last > most))
			return true;
	}
	return false;
}

static int
by_first(const void *a, const void *b)
{
	const struct imap_range *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

void
imap_set_resolve(struct imap_set *set, uint32_t most)
{
	size_t n = 0;

	for (size_t i = 0; i < set->count; i++) {
		struct imap_range r = set->ranges[i];

		r.first = r.first == IMAP_STAR ? most : r.first;
		r.last = r.last == IMAP_STAR ? most : r.last;
		if (r.first == 0 || r.last == 0)
			continue;
		if (r.first > r.last)
			r = (struct imap_range){r.last, r.first};
		set->ranges[n++] = r;
	}
	set->count = n;
	if (n == 0)
		return;
	qsort(set->ranges, n, sizeof(set->ranges[0]), by_first);
	set->count = 1;
	for (size_t i = 1; i < n; i++) {
		struct imap_range *last = &set->ranges[set->count - 1], *r = &set->ranges[i];

		if (last->last == UINT32_MAX || r->first <= last->last + 1)
			last->last = r->last > last->last ? r->last : last->last;
		else
			set->ranges[set->count++] = *r;
	}
}
