#include "queue/schedule/retry.h"

/*
 * Greylisting passes on the second or third try, a short outage costs minutes; after that an
 * hour keeps within what RFC 5321 4.5.4.1 asks of a patient sender.
 */
const struct retry_plan retry_relay = {{60 * 1000}, {3600 * 1000}, 5};
const struct retry_plan retry_local = {{10 * 1000}, {1800 * 1000}, 3};
const struct retry_plan retry_down = {{30 * 1000}, {1800 * 1000}, 3};
const struct retry_plan retry_busy = {{5 * 1000}, {300 * 1000}, 2};
const struct retry_plan retry_wider = {{60 * 1000}, {3600 * 1000}, 2};
const struct retry_plan retry_lost = {{500}, {300 * 1000}, 2};

struct span
retry_delay(const struct retry_plan *plan, unsigned failures, uint32_t random)
{
	int64_t delay = plan->first.ms;

	while (failures-- > 1 && delay < plan->most.ms)
		delay *= plan->factor;
	if (delay > plan->most.ms)
		delay = plan->most.ms;
	return SPAN_MS(delay - delay / 8 + (int64_t)((uint64_t)delay / 4 * (random >> 16) >> 16));
}
