#include "smtpd/parent/orders/trace.h"

#include "common/base/id.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/conf/report.h"
#include "common/ipc/parent_any.h"
#include "smtpd/parent/suite.h"

#include <stdio.h>
#include <stdlib.h>

enum { IDS_MOST = 4096, LIST_MOST = 64 };

struct trace {
	LIST_ENTRY(trace) link;
	struct client *client;
	bool roles[SANDBOX_ROLE_COUNT]; /* whose lines */
	struct buf ids;                 /* an ipc_list; empty: whatever they are about */
	uint64_t lost;
};

static LIST_HEAD(, trace) traces = LIST_HEAD_INITIALIZER(traces);

/* A step stands in its line as text="..."; a person reads it better without. */
static void
add_step(struct buf *out, struct slice text)
{
	if (slice_has_prefix(text, SLICE("text=")))
		text = slice_from(text, sizeof("text=") - 1);
	if (text.len < 2 || text.data[0] != '"') {
		buf_add_slice(out, text);
		return;
	}
	text = slice_sub(text, 1, text.len - 2);
	for (size_t i = 0; i < text.len; i++) {
		bool quoted = text.data[i] == '\\' && i + 1 < text.len &&
			      (text.data[i + 1] == '"' || text.data[i + 1] == '\\');

		buf_add_char(out, text.data[i += quoted]);
	}
}

/* "process: event=word ..." as it is shown. */
static void
add_line(struct buf *out, bool json, struct slice line)
{
	struct slice process, event, rest = line;
	struct buf step = {0};
	struct json j;
	bool is_step;

	if (!slice_word(&rest, &process) || !slice_word(&rest, &event)) {
		buf_add_slice(out, line);
		return;
	}
	rest = slice_trim(rest);
	is_step = slice_equal_text(event, "event=debug");
	if (is_step)
		add_step(&step, rest);
	if (json) {
		json_begin(&j, out);
		json_string(&j, "process", slice_sub(process, 0, process.len - 1));
		json_string(&j, "event", slice_from(event, sizeof("event=") - 1));
		json_string(&j, "text", is_step ? buf_slice(&step) : rest);
		json_end(&j);
	} else if (is_step) {
		buf_printf(out, "%.*s %.*s", SLICE_FMT(process), SLICE_FMT(buf_slice(&step)));
	} else {
		buf_add_slice(out, line);
	}
	buf_fini(&step);
}

static void
say_lost(struct trace *t)
{
	struct buf line = {0};
	struct json j;

	if (t->client->json) {
		json_begin(&j, &line);
		json_count(&j, "lost", t->lost);
		json_end(&j);
	} else {
		buf_printf(&line, "(%llu lines are left out)", (unsigned long long)t->lost);
	}
	client_text(t->client, buf_slice(&line));
	buf_fini(&line);
	t->lost = 0;
}

static void
pass(struct trace *t, struct slice line)
{
	struct client *c = t->client;
	struct buf out = {0};

	if (channel_pending(c->channel) > CHANNEL_HIGH) {
		t->lost++;
		return;
	}
	if (t->lost > 0)
		say_lost(t);
	add_line(&out, c->json, line);
	client_text(c, buf_slice(&out));
	buf_fini(&out);
}

static void
take(enum sandbox_role role, struct slice line)
{
	struct trace *t;

	LIST_FOREACH (t, &traces, link) {
		if (t->roles[role] && report_is_about(line, buf_slice(&t->ids)))
			pass(t, line);
	}
}

void
trace_on_line(const struct process *p, struct slice line)
{
	take(p->role, line);
}

static void
on_own_line(struct slice line)
{
	take(SANDBOX_PARENT, line);
}

/* All ids that somebody wants of that kind of process; none if somebody wants everything. */
static bool
is_wanted(enum sandbox_role role, struct buf *ids)
{
	struct trace *t;
	bool wanted = false, all = false;

	LIST_FOREACH (t, &traces, link) {
		if (!t->roles[role])
			continue;
		wanted = true;
		all |= t->ids.len == 0 || ids->len + t->ids.len > IDS_MOST;
		buf_add_slice(ids, buf_slice(&t->ids));
	}
	if (all)
		buf_clear(ids);
	return wanted;
}

static void
tell(struct process *p)
{
	struct buf ids = {0};
	struct pa_trace m = {.on = is_wanted(p->role, &ids)};

	m.ids = buf_slice(&ids);
	pa_trace_send(p->channel, 0, &m, -1);
	buf_fini(&ids);
}

void
trace_on_start(struct process *p)
{
	if (!LIST_EMPTY(&traces))
		tell(p);
}

static void
tell_all(void)
{
	struct buf ids = {0};

	for (size_t i = 0; i < suite.count; i++)
		tell(&suite.processes[i]);
	log_tap(is_wanted(SANDBOX_PARENT, &ids) ? on_own_line : NULL);
	buf_fini(&ids);
}

static bool
find_role(struct slice name, enum sandbox_role *role)
{
	for (size_t i = 0; i < suite.count; i++) {
		*role = suite.processes[i].role;
		if (slice_equal_text(name, sandbox_title(*role)))
			return true;
	}
	*role = SANDBOX_PARENT;
	return slice_equal_text(name, sandbox_title(*role));
}

/* Names of processes and ids, in any order; without a name it is all processes. */
static bool
choose(struct trace *t, struct slice arguments, struct error *why)
{
	struct slice item;
	bool has_role = false;
	uint64_t id;

	while (ipc_list_next(&arguments, &item)) {
		enum sandbox_role role;

		if (slice_equal_text(item, "all"))
			continue;
		if (find_role(item, &role)) {
			t->roles[role] = has_role = true;
		} else if (!id_parse(item, &id)) {
			return error_set(why, "\"%.*s\" is neither a process nor an id",
			    SLICE_FMT(slice_sub(item, 0, LIST_MOST)));
		} else {
			ipc_list_add(&t->ids, item);
		}
	}
	for (int i = 0; i < SANDBOX_ROLE_COUNT && !has_role; i++)
		t->roles[i] = true;
	return true;
}

void
trace_begin(struct client *c, struct slice arguments)
{
	struct trace *t = mem_zero(sizeof(*t));
	struct error why = {""};

	t->client = c;
	if (!choose(t, arguments, &why)) {
		buf_fini(&t->ids);
		free(t);
		client_done(c, 2, why.text);
		return;
	}
	c->trace = t;
	LIST_INSERT_HEAD(&traces, t, link);
	tell_all();
}

void
trace_end(struct client *c)
{
	if (c->trace == NULL)
		return;
	LIST_REMOVE(c->trace, link);
	buf_fini(&c->trace->ids);
	free(c->trace);
	c->trace = NULL;
	tell_all();
}
