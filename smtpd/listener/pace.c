#include "smtpd/listener/pace.h"

#include "common/base/limits.h"

enum { MINUTE_MS = 60 * 1000, MOST_MS = LIMIT_COMMAND_SECONDS * 1000 };

struct span
smtp_pace_begin(struct smtp_pace *p, struct moment now)
{
	p->until = moment_after(now, SPAN_MS(MOST_MS));
	return SPAN_MS(MOST_MS);
}

struct span
smtp_pace_feed(struct smtp_pace *p, size_t octets, struct moment now)
{
	int64_t bought = (int64_t)octets * MINUTE_MS / LIMIT_DATA_RATE;
	int64_t left = moment_between(now, p->until).ms + bought;

	if (left > MOST_MS)
		left = MOST_MS;
	if (left < 0)
		left = 0;
	p->until = moment_after(now, SPAN_MS(left));
	return SPAN_MS(left);
}
