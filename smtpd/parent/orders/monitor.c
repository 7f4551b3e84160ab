#include "smtpd/parent/orders/monitor.h"

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "smtpd/parent/orders/stats.h"

#include <stdlib.h>
#include <string.h>

enum { HEAD_EVERY = 20 };

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
show_plain(struct buf *out, const uint64_t grew[COLUMNS])
{
	buf_printf(out, "%8llu", (unsigned long long)stats_sessions());
	for (int i = 0; i < COLUMNS; i++)
		buf_printf(
		    out, " %*llu", (int)strlen(columns[i].title), (unsigned long long)grew[i]);
}

static void
show_json(struct buf *out, const uint64_t grew[COLUMNS])
{
	struct json j;

	json_begin(&j, out);
	json_count(&j, "sessions", stats_sessions());
	for (int i = 0; i < COLUMNS; i++)
		json_count(&j, columns[i].title, grew[i]);
	json_end(&j);
}

static void
on_second(void *owner)
{
	struct monitor *m = owner;
	struct client *c = m->client;
	uint64_t grew[COLUMNS];
	struct buf out = {0};

	timer_start(&m->timer, SPAN_SECONDS(1));
	if (!c->json && m->lines++ % HEAD_EVERY == 0)
		head(c);
	for (int i = 0; i < COLUMNS; i++) {
		uint64_t now = stats_total(columns[i].count);

		grew[i] = now - m->before[i];
		m->before[i] = now;
	}
	if (c->json)
		show_json(&out, grew);
	else
		show_plain(&out, grew);
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
		m->before[i] = stats_total(columns[i].count);
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
