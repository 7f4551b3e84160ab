#include "common/conf/report.h"

#include "common/base/buf.h"
#include "common/base/id.h"
#include "common/base/log.h"
#include "common/ipc/parent_any.h"
#include "common/net/loop.h"

#include <stdio.h>

/* Counts gather for so long; of traced lines only so much waits for the parent. */
enum { GATHER_MS = 500, TRACE_PENDING = 256 * 1024 };

static struct {
	struct channel *parent;
	uint64_t told[LOG_COUNTS];
	struct timer timer;
	struct buf ids;
	uint64_t lost;
} report;

static void
send_counts(void *owner)
{
	for (int i = 0; i < LOG_COUNTS; i++) {
		struct pa_count m = {.name = slice_of(log_count_name(i)), .count = log_count(i)};

		if (m.count != report.told[i] && pa_count_send(report.parent, 0, &m, -1))
			report.told[i] = m.count;
	}
}

static void
on_count(void)
{
	if (!timer_is_running(&report.timer))
		timer_start(&report.timer, SPAN_MS(GATHER_MS));
}

static bool
has(struct slice line, const char *text)
{
	return slice_search(line, slice_of(text)) >= 0;
}

bool
report_is_about(struct slice line, struct slice ids)
{
	struct slice item;
	bool is_any = true;

	while (ipc_list_next(&ids, &item)) {
		char text[ID_TEXT], number[32];
		uint64_t id;

		is_any = false;
		if (!id_parse(item, &id))
			continue;
		snprintf(number, sizeof(number), "=%llu", (unsigned long long)id);
		if (has(line, id_format(id, text)) || has(line, number))
			return true;
	}
	return is_any;
}

static void
send_line(struct slice line)
{
	struct pa_trace_line m = {.text = slice_sub(line, 0, LIMIT_ANSWER)};

	pa_trace_line_send(report.parent, 0, &m, -1);
}

static void
on_line(struct slice line)
{
	char text[64];

	if (!report_is_about(line, buf_slice(&report.ids)))
		return;
	if (!channel_is_up(report.parent) || channel_pending(report.parent) > TRACE_PENDING) {
		report.lost++;
		return;
	}
	if (report.lost > 0) {
		snprintf(text, sizeof(text), "(%llu lines are left out)",
		    (unsigned long long)report.lost);
		report.lost = 0;
		send_line(slice_of(text));
	}
	send_line(line);
}

void
report_on_trace(void *owner, struct ipc_message *m)
{
	const struct pa_trace *t = m->body;

	buf_clear(&report.ids);
	buf_add_slice(&report.ids, t->ids);
	log_tap(t->on ? on_line : NULL);
}

void
report_begin(struct channel *parent)
{
	report.parent = parent;
	timer_init(&report.timer, send_counts, NULL);
	log_on_count(on_count);
}

void
report_end(void)
{
	log_on_count(NULL);
	log_tap(NULL);
	timer_stop(&report.timer);
	send_counts(NULL);
	buf_fini(&report.ids);
	report.parent = NULL;
}
