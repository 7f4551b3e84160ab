#include "smtpd/parent/stats.h"

#include "common/base/log.h"
#include "smtpd/parent/suite.h"

static uint64_t gone[LOG_COUNTS]; /* of processes that are not any more */

void
stats_on_count(struct process *p, struct slice name, uint64_t count)
{
	int i;

	if (log_count_find(name, &i))
		p->counts[i] = count;
}

void
stats_on_exit(struct process *p)
{
	for (int i = 0; i < LOG_COUNTS; i++) {
		gone[i] += p->counts[i];
		p->counts[i] = 0;
	}
}

uint64_t
stats_total(int count)
{
	uint64_t sum = gone[count] + log_count(count);

	for (size_t i = 0; i < suite.count; i++)
		sum += suite.processes[i].counts[count];
	return sum;
}

uint64_t
stats_sessions(void)
{
	uint64_t open = 0;

	for (size_t i = 0; i < suite.count; i++) {
		const uint64_t *n = suite.processes[i].counts;

		if (n[EV_connect] > n[EV_disconnect])
			open += n[EV_connect] - n[EV_disconnect];
	}
	return open;
}

static unsigned
restarts(void)
{
	unsigned sum = 0;

	for (size_t i = 0; i < suite.count; i++)
		sum += suite.processes[i].restarts;
	return sum;
}

void
stats_add(struct buf *out, bool json, const char *name, uint64_t value)
{
	if (json)
		buf_printf(out, "%s\"%s\":%llu", out->len == 0 ? "{" : ",", name,
		    (unsigned long long)value);
	else
		buf_printf(
		    out, "%s%s=%llu", out->len == 0 ? "" : "\n", name, (unsigned long long)value);
}

void
stats_show(struct client *c)
{
	struct buf out = {0};

	stats_add(&out, c->json, "uptime",
	    (uint64_t)(moment_between(suite.started, loop_now()).ms / 1000));
	stats_add(&out, c->json, "sessions", stats_sessions());
	stats_add(&out, c->json, "restarts", restarts());
	for (int i = 0; i < LOG_COUNTS; i++) {
		if (i == LOG_COUNT_DEFERRED ||
		    log_event_level((enum log_event)i) != LOG_LEVEL_DEBUG)
			stats_add(&out, c->json, log_count_name(i), stats_total(i));
	}
	if (c->json)
		buf_add_char(&out, '}');
	client_text(c, buf_slice(&out));
	buf_fini(&out);
	client_done(c, 0, "");
}
