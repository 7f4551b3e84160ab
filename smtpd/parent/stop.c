#include "smtpd/parent/stop.h"

#include "common/base/log.h"
#include "common/ipc/parent_any.h"
#include "smtpd/parent/helper/helper.h"
#include "smtpd/parent/notify.h"
#include "smtpd/parent/suite.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

static const int stage_seconds[] = {6, 7, 3, 2};

enum { STAGES = sizeof(stage_seconds) / sizeof(stage_seconds[0]) };

static struct timer patience;
static int stage = -1;

static int
stage_of(const struct process *p)
{
	switch ((int)p->role) {
	case SANDBOX_LISTENER:
	case SANDBOX_IMAPD:
	case SANDBOX_POP3D:
		return 0;
	case SANDBOX_QUEUE:
		return 1;
	case SANDBOX_RELAY:
	case SANDBOX_MAILBOX:
		return 2;
	default:
		return 3;
	}
}

static bool
is_stage_over(void)
{
	for (size_t i = 0; i < suite.count; i++) {
		if (suite.processes[i].pid != 0 && stage_of(&suite.processes[i]) <= stage)
			return false;
	}
	return true;
}

static void
begin_stage(void)
{
	struct pa_stop stop = {0};

	for (size_t i = 0; i < suite.count; i++) {
		struct process *p = &suite.processes[i];

		if (p->pid == 0 || stage_of(p) != stage)
			continue;
		if (p->channel == NULL)
			kill(p->pid, SIGKILL);
		else
			pa_stop_send(p->channel, 0, &stop, -1);
	}
	timer_start(&patience, SPAN_SECONDS(stage_seconds[stage]));
}

void
stop_go_on(void)
{
	if (!suite.is_stopping)
		return;
	while (is_stage_over()) {
		if (++stage == STAGES) {
			timer_stop(&patience);
			helpers_end();
			loop_stop();
			return;
		}
		begin_stage();
	}
}

static void
on_patience(void *owner)
{
	for (size_t i = 0; i < suite.count; i++) {
		struct process *p = &suite.processes[i];

		if (p->pid == 0 || stage_of(p) > stage)
			continue;
		log_warning("%s was not through within %d s, and is ended", sandbox_title(p->role),
		    stage_seconds[stage]);
		kill(p->pid, SIGKILL);
	}
}

void
stop_begin(void)
{
	char path[1100];

	if (suite.is_stopping)
		return;
	suite.is_stopping = true;
	notify("STOPPING=1");
	log_event(NULL, EV_stopping, WORD("why", suite.code == 0 ? "asked to" : "cannot start"));
	snprintf(path, sizeof(path), "%s/submission.sock", suite.conf->global.run_path.data);
	unlink(path);
	timer_init(&patience, on_patience, NULL);
	stop_go_on();
}
