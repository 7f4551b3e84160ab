#include "smtpd/parent/suite.h"

#include "common/base/log.h"
#include "common/ipc/parent_any.h"
#include "smtpd/parent/folder.h"
#include "smtpd/parent/notify.h"
#include "smtpd/parent/process.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { STOP_SECONDS = 10 };

struct suite suite;

struct process *
suite_find(enum sandbox_role role, int instance)
{
	for (size_t i = 0; i < suite.count; i++) {
		if (suite.processes[i].role == role && suite.processes[i].instance == instance)
			return &suite.processes[i];
	}
	return NULL;
}

struct process *
suite_of_channel(const struct channel *c)
{
	for (size_t i = 0; i < suite.count; i++) {
		if (suite.processes[i].channel == c)
			return &suite.processes[i];
	}
	return NULL;
}

void
suite_on_ready(struct process *p, bool ok)
{
	p->is_ready = ok;
	for (size_t i = 0; i < suite.count; i++) {
		if (!suite.processes[i].is_ready)
			return;
	}
	if (!suite.is_ready) {
		suite.is_ready = true;
		notify("READY=1");
		log_event(NULL, EV_ready, WORD("hostname", suite.conf->global.hostname.data));
	}
}

bool
suite_start(struct error *why)
{
	const struct conf_global *g = &suite.conf->global;

	suite.is_root = geteuid() == 0;
	suite.many = g->processes;
	if (!folder_make_run(g, why) || !folder_make_all(g, why) ||
	    !sockets_bind(&suite.sockets, suite.conf, g->run_path.data, why))
		return false;
	process_supervise();
	for (size_t i = 0; i < process_kind_count; i++) {
		for (int k = 0; k < process_instances(process_kinds[i].role); k++) {
			struct process *p = &suite.processes[suite.count++];

			p->role = process_kinds[i].role;
			p->instance = k;
			if (!process_spawn(p))
				return error_errno(why, "cannot start %s", sandbox_title(p->role));
		}
	}
	return true;
}

bool
suite_reload(struct conf *c, struct error *why)
{
	struct pa_apply apply = {0};

	if (!sockets_bind(&suite.sockets, c, suite.conf->global.run_path.data, why)) {
		conf_free(c);
		return false;
	}
	conf_free(suite.conf);
	suite.conf = c;
	sockets_sweep(&suite.sockets);
	for (size_t i = 0; i < suite.count; i++) {
		if (suite.processes[i].channel == NULL)
			continue;
		join_send_conf(&suite.processes[i]);
		pa_apply_send(suite.processes[i].channel, 0, &apply, -1);
	}
	log_event(NULL, EV_configuration, WORD("text", "reloaded"));
	return true;
}

void
suite_end_when_gone(void)
{
	for (size_t i = 0; i < suite.count; i++) {
		if (suite.processes[i].pid != 0)
			return;
	}
	loop_stop();
}

static void
on_patience(void *owner)
{
	for (size_t i = 0; i < suite.count; i++) {
		if (suite.processes[i].pid != 0)
			kill(suite.processes[i].pid, SIGKILL);
	}
}

void
suite_stop(void)
{
	static struct timer patience;
	struct pa_stop stop = {0};
	char path[1100];

	if (suite.is_stopping)
		return;
	suite.is_stopping = true;
	notify("STOPPING=1");
	log_event(NULL, EV_stopping, WORD("why", "asked to"));
	for (size_t i = suite.count; i > 0; i--) {
		if (suite.processes[i - 1].channel != NULL)
			pa_stop_send(suite.processes[i - 1].channel, 0, &stop, -1);
	}
	snprintf(path, sizeof(path), "%s/submission.sock", suite.conf->global.run_path.data);
	unlink(path);
	timer_init(&patience, on_patience, NULL);
	timer_start(&patience, SPAN_SECONDS(STOP_SECONDS));
	suite_end_when_gone();
}
