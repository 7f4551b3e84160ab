#include "smtpd/parent/stats.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "smtpd/parent/client.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_EVERY = 20 };

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

static uint64_t
total(int count)
{
	uint64_t sum = gone[count] + log_count(count);

	for (size_t i = 0; i < suite.count; i++)
		sum += suite.processes[i].counts[count];
	return sum;
}

/* Of those that live: the sessions of one that died went with it. */
static uint64_t
sessions(void)
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

static void
add(struct buf *out, bool json, const char *name, uint64_t value)
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

	add(&out, c->json, "uptime",
	    (uint64_t)(moment_between(suite.started, loop_now()).ms / 1000));
	add(&out, c->json, "sessions", sessions());
	add(&out, c->json, "restarts", restarts());
	for (int i = 0; i < LOG_COUNTS; i++) {
		if (i == LOG_COUNT_DEFERRED ||
		    log_event_level((enum log_event)i) != LOG_LEVEL_DEBUG)
			add(&out, c->json, log_count_name(i), total(i));
	}
	if (c->json)
		buf_add_char(&out, '}');
	client_text(c, buf_slice(&out));
	buf_fini(&out);
	client_done(c, 0, "");
}

/* A line of what came to pass since the one before. */
static const struct {
	const char *title;
	int count;
} columns[] = {
    {"connect", EV_connect},
    {"accepted", EV_accepted},
    {"refused", EV_refused},
    {"delivered", EV_delivered},
    {"relayed", EV_relayed},
    {"deferred", LOG_COUNT_DEFERRED},
    {"bounced", EV_bounced},
    {"auth_ok", EV_auth_ok},
    {"auth_failed", EV_auth_failed},
};

enum { COLUMNS = sizeof(columns) / sizeof(columns[0]) };

struct monitor {
	struct client *client;
	struct timer timer;
	uint64_t before[COLUMNS];
	unsigned lines;
};

static void
head(struct client *c)
{
	struct buf out = {0};

	buf_printf(&out, "%8s", "sessions");
	for (int i = 0; i < COLUMNS; i++)
		buf_printf(&out, " %*s", (int)strlen(columns[i].title), columns[i].title);
	client_text(c, buf_slice(&out));
	buf_fini(&out);
}

static void
on_second(void *owner)
{
	struct monitor *m = owner;
	struct client *c = m->client;
	struct buf out = {0};

	timer_start(&m->timer, SPAN_SECONDS(1));
	if (!c->json && m->lines++ % HEAD_EVERY == 0)
		head(c);
	if (c->json)
		add(&out, true, "sessions", sessions());
	else
		buf_printf(&out, "%8llu", (unsigned long long)sessions());
	for (int i = 0; i < COLUMNS; i++) {
		uint64_t now = total(columns[i].count), grew = now - m->before[i];

		m->before[i] = now;
		if (c->json)
			add(&out, true, columns[i].title, grew);
		else
			buf_printf(&out, " %*llu", (int)strlen(columns[i].title),
			    (unsigned long long)grew);
	}
	if (c->json)
		buf_add_char(&out, '}');
	if (channel_pending(c->channel) < CHANNEL_HIGH)
		client_text(c, buf_slice(&out));
	buf_fini(&out);
}

void
monitor_begin(struct client *c)
{
	struct monitor *m = mem_zero(sizeof(*m));

	c->monitor = m;
	m->client = c;
	for (int i = 0; i < COLUMNS; i++)
		m->before[i] = total(columns[i].count);
	timer_init(&m->timer, on_second, m);
	timer_start(&m->timer, SPAN_SECONDS(1));
}

void
monitor_end(struct client *c)
{
	if (c->monitor == NULL)
		return;
	timer_stop(&c->monitor->timer);
	free(c->monitor);
	c->monitor = NULL;
}
