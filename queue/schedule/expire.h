/*
 * How old an envelope is, and what follows from that: a warning to its sender, or its end. Age is
 * counted by the monotonic clock; only the gap between two runs is taken from the civil clock,
 * and never for more than a day, so no jump of that clock can make mail expire. Pure.
 */
#ifndef QUEUE_SCHEDULE_EXPIRE_H
#define QUEUE_SCHEDULE_EXPIRE_H

#include "common/base/slice.h"

enum { EXPIRE_WARNINGS = 4, EXPIRE_GAP = 24 * 3600 };

struct expire_rules {
	uint32_t ttl;                       /* seconds */
	uint32_t warnings[EXPIRE_WARNINGS]; /* ages in seconds, rising */
	unsigned warning_count;
};

/* Reads the configuration's list of decimal seconds; what is no number is passed over. */
void expire_rules_init(struct expire_rules *r, uint32_t ttl, struct slice warn_intervals);

/* The age in seconds now, of an envelope that was written with that age at that civil time. */
int64_t expire_age_after_gap(int64_t age, int64_t written, int64_t civil_now);

/* How many warnings are due at that age. */
unsigned expire_warnings_due(const struct expire_rules *r, int64_t age);

/* Whether the time to live (the action's own, or 0 for the rules') is over. */
bool expire_is_over(const struct expire_rules *r, uint32_t own_ttl, int64_t age);

#endif
