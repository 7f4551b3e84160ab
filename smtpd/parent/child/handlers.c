#include "smtpd/parent/child/handlers.h"

#include "common/ipc/edges.h"
#include "common/ipc/lookup_parent.h"
#include "common/ipc/parent_any.h"
#include "common/ipc/queue_agent.h"
#include "smtpd/parent/child/suspect.h"
#include "smtpd/parent/helper/agent.h"
#include "smtpd/parent/helper/check.h"
#include "smtpd/parent/helper/forward.h"
#include "smtpd/parent/orders/stats.h"
#include "smtpd/parent/orders/trace.h"
#include "smtpd/parent/suite.h"

#include <string.h>

static void
on_ready(void *owner, struct ipc_message *m)
{
	const struct pa_ready *r = m->body;
	char error[LIMIT_ANSWER_ERROR + 1] = "";

	if (!r->ok && (!slice_copy(r->error, error, sizeof(error)) || error[0] == '\0'))
		strlcpy(error, "it does not say why", sizeof(error));
	suite_on_ready(owner, error);
}

static void
on_suspect(void *owner, struct ipc_message *m)
{
	const struct pa_suspect *s = m->body;

	suspect_on_report(owner, s->role, s->instance);
}

static void
on_count(void *owner, struct ipc_message *m)
{
	const struct pa_count *n = m->body;

	stats_on_count(owner, n->name, n->count);
}

static void
on_trace_line(void *owner, struct ipc_message *m)
{
	trace_on_line(owner, ((const struct pa_trace_line *)m->body)->text);
}

static const struct ipc_handler of_any[] = {
    {&pa_ready_schema, on_ready},
    {&pa_suspect_schema, on_suspect},
    {&pa_count_schema, on_count},
    {&pa_trace_line_schema, on_trace_line},
};

static const struct {
	enum sandbox_role asker;
	struct ipc_handler handler;
} orders[] = {
#define O(role, message) {SANDBOX_##role, {&message##_schema, helper_on_##message}},
    IPC_ORDERS(O)
#undef O
};

enum { OF_ANY = sizeof(of_any) / sizeof(of_any[0]), ORDERS = sizeof(orders) / sizeof(orders[0]) };

const struct ipc_handler *
handlers_of(enum sandbox_role role)
{
	static struct ipc_handler tables[SANDBOX_ROLE_COUNT][OF_ANY + ORDERS + 1];
	struct ipc_handler *table = tables[role];
	size_t n = 0;

	while (n < OF_ANY) {
		table[n] = of_any[n];
		n++;
	}
	for (size_t i = 0; i < ORDERS; i++) {
		if (orders[i].asker == role)
			table[n++] = orders[i].handler;
	}
	return table;
}
