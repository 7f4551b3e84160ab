/*
 * Two clocks that cannot be mixed up: struct moment is a point on the monotonic clock, for
 * deadlines and intervals; civil time is a count of seconds or milliseconds since 1970, for dates.
 */
#ifndef COMMON_BASE_MOMENT_H
#define COMMON_BASE_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

struct moment {
	int64_t ms;
};

struct span {
	int64_t ms;
};

#define SPAN_MS(n) ((struct span){(n)})
#define SPAN_SECONDS(n) ((struct span){(int64_t)(n)*1000})
#define SPAN_MINUTES(n) ((struct span){(int64_t)(n)*60000})
#define SPAN_HOURS(n) ((struct span){(int64_t)(n)*3600000})

struct moment moment_now(void);
struct moment moment_after(struct moment from, struct span wait);
struct span moment_between(struct moment from, struct moment to);
bool moment_reached(struct moment when, struct moment now);

int64_t civil_now(void);    /* seconds since 1970 */
int64_t civil_now_ms(void); /* milliseconds since 1970 */

#endif
