#include "queue/schedule/expire.h"

#include "common/ipc/schema.h"

#include <stdlib.h>

static int
compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void
expire_rules_init(struct expire_rules *r, uint32_t ttl, struct slice warn_intervals)
{
	struct slice item;
	uint64_t seconds;

	*r = (struct expire_rules){.ttl = ttl};
	while (r->warning_count < EXPIRE_WARNINGS && ipc_list_next(&warn_intervals, &item)) {
		if (slice_number(item, UINT32_MAX, &seconds) && seconds > 0)
			r->warnings[r->warning_count++] = (uint32_t)seconds;
	}
	qsort(r->warnings, r->warning_count, sizeof(r->warnings[0]), compare);
}

int64_t
expire_age_after_gap(int64_t age, int64_t written, int64_t civil_now)
{
	int64_t gap = civil_now - written;

	if (gap < 0)
		gap = 0;
	return age + (gap > EXPIRE_GAP ? EXPIRE_GAP : gap);
}

unsigned
expire_warnings_due(const struct expire_rules *r, int64_t age)
{
	unsigned n = 0;

	while (n < r->warning_count && age >= r->warnings[n])
		n++;
	return n;
}

bool
expire_is_over(const struct expire_rules *r, uint32_t own_ttl, int64_t age)
{
	return age >= (own_ttl != 0 ? own_ttl : r->ttl);
}
