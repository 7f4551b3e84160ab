#include "smtpd/parent/orders/stats.h"

#include "common/base/json.h"
#include "common/base/log.h"
#include "smtpd/parent/suite.h"

#include <inttypes.h>

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

/* Whether it is shown: an event that only smtpd -v logs is nobody's count. */
static bool
is_shown(int count)
{
	return count == LOG_COUNT_DEFERRED ||
	       log_event_level((enum log_event)count) != LOG_LEVEL_DEBUG;
}

static void
show_json(struct buf *out, uint64_t up)
{
	struct json j;

	json_begin(&j, out);
	json_count(&j, "uptime", up);
	json_count(&j, "sessions", stats_sessions());
	json_count(&j, "restarts", restarts());
	for (int i = 0; i < LOG_COUNTS; i++) {
		if (is_shown(i))
			json_count(&j, log_count_name(i), stats_total(i));
	}
	json_end(&j);
}

static void
show_plain(struct buf *out, uint64_t up)
{
	buf_printf(out, "uptime=%" PRIu64 "\nsessions=%" PRIu64 "\nrestarts=%u", up,
	    stats_sessions(), restarts());
	for (int i = 0; i < LOG_COUNTS; i++) {
		if (is_shown(i))
			buf_printf(out, "\n%s=%" PRIu64, log_count_name(i), stats_total(i));
	}
}

void
stats_show(struct client *c)
{
	uint64_t up = (uint64_t)(moment_between(suite.started, loop_now()).ms / 1000);
	struct buf out = {0};

	if (c->json)
		show_json(&out, up);
	else
		show_plain(&out, up);
	client_text(c, buf_slice(&out));
	buf_fini(&out);
	client_done(c, 0, "");
}
