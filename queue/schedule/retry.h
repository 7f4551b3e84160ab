/*
 * How long to wait before the next try: delays that grow by a factor up to a ceiling, spread so
 * that what failed together does not come back together. Pure.
 */
#ifndef QUEUE_SCHEDULE_RETRY_H
#define QUEUE_SCHEDULE_RETRY_H

#include "common/base/moment.h"

struct retry_plan {
	struct span first, most;
	unsigned factor;
};

extern const struct retry_plan retry_relay; /* an envelope to another server */
extern const struct retry_plan retry_local; /* an envelope that is delivered here */
extern const struct retry_plan retry_down;  /* a destination none of whose hosts answers */
extern const struct retry_plan retry_busy;  /* a destination that asks for less */
extern const struct retry_plan retry_wider; /* one more at a time, where that was too many */
extern const struct retry_plan retry_lost;  /* a process of ours went away in mid-transfer */

/*
 * The wait after so many failures in a row (1: the first; 0 counts as 1). The 32 random bits move
 * it by up to an eighth either way.
 */
struct span retry_delay(const struct retry_plan *plan, unsigned failures, uint32_t random);

#endif
