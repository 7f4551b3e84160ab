#include "common/base/moment.h"

#include <time.h>

static int64_t
clock_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct moment
moment_now(void)
{
	return (struct moment){clock_ms(CLOCK_MONOTONIC)};
}

struct moment
moment_after(struct moment from, struct span wait)
{
	return (struct moment){from.ms + wait.ms};
}

struct span
moment_between(struct moment from, struct moment to)
{
	return (struct span){to.ms - from.ms};
}

bool
moment_reached(struct moment when, struct moment now)
{
	return when.ms <= now.ms;
}

int64_t
civil_now(void)
{
	return clock_ms(CLOCK_REALTIME) / 1000;
}

int64_t
civil_now_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}
