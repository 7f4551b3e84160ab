/*
 * Invariant: while a process has not said that it took what it was sent, its `applying` is that
 * request. One that dies meanwhile begins anew with the configuration in force, so whoever is
 * ready and has nothing of the kind open works by it.
 */
#include "smtpd/parent/apply.h"

#include "common/base/log.h"
#include "common/ipc/parent_any.h"
#include "smtpd/parent/child/join.h"
#include "smtpd/parent/suite.h"

#include <stdio.h>
#include <sysexits.h>

enum { APPLY_SECONDS = 10 };

static LIST_HEAD(, client) waiting = LIST_HEAD_INITIALIZER(waiting);
static bool is_under_way;

/* The first that works by another configuration, or does not work; NULL: there is none. */
static const struct process *
find_behind(void)
{
	for (size_t i = 0; i < suite.count; i++) {
		const struct process *p = &suite.processes[i];

		if (!p->is_ready || p->applying != 0)
			return p;
	}
	return NULL;
}

void
apply_go_on(void)
{
	struct client *c;

	if (!is_under_way || find_behind() != NULL)
		return;
	is_under_way = false;
	log_event(NULL, EV_configuration, WORD("text", "reloaded"));
	while ((c = LIST_FIRST(&waiting)) != NULL) {
		apply_end(c);
		client_done(c, 0, "");
	}
}

static void
on_applied(void *owner, struct ipc_message *m)
{
	struct process *p = owner;

	channel_done(m->channel, m->id);
	p->applying = 0;
	apply_go_on();
}

/* It is gone; what comes in its place is told by process_spawn(). */
static void
on_ended(void *owner, enum channel_end why)
{
}

static void
give(struct process *p)
{
	struct channel_request r = {.answer = on_applied, .ended = on_ended, .owner = p};
	bool ok = join_send_conf(p);

	if (p->applying != 0)
		channel_done(p->channel, p->applying); /* of what is no more in force */
	p->applying = pa_apply_ask(p->channel, &r, &(struct pa_apply){0});
	if (!ok || p->applying == 0)
		process_abandon(p);
}

void
apply_begin(void)
{
	is_under_way = true;
	for (size_t i = 0; i < suite.count; i++) {
		if (suite.processes[i].channel != NULL)
			give(&suite.processes[i]);
	}
}

static void
on_late(void *owner)
{
	struct client *c = owner;
	const struct process *p = find_behind();
	char error[128];

	snprintf(error, sizeof(error),
	    "the configuration is in force, but %s has not taken it yet: see smtpctl show status",
	    p == NULL ? "a process" : sandbox_title(p->role));
	apply_end(c);
	client_done(c, EX_TEMPFAIL, error);
}

void
apply_wait(struct client *c)
{
	c->is_waiting = true;
	timer_init(&c->patience, on_late, c);
	timer_start(&c->patience, SPAN_SECONDS(APPLY_SECONDS));
	LIST_INSERT_HEAD(&waiting, c, waits);
	apply_go_on();
}

void
apply_end(struct client *c)
{
	if (!c->is_waiting)
		return;
	c->is_waiting = false;
	timer_stop(&c->patience);
	LIST_REMOVE(c, waits);
}
