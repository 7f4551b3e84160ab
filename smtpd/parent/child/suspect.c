#include "smtpd/parent/child/suspect.h"

#include "common/base/log.h"
#include "smtpd/parent/suite.h"

#include <signal.h>

static bool
reads_strangers(enum sandbox_role role)
{
	return role == SANDBOX_LISTENER || role == SANDBOX_RELAY || role == SANDBOX_IMAPD ||
	       role == SANDBOX_POP3D || role == SANDBOX_RESOLVER;
}

static void
begin_anew(struct process *p)
{
	log_event(NULL, EV_suspect, WORD("process", sandbox_title(p->role)), NUM("pid", p->pid));
	if (p->pid != 0)
		kill(p->pid, SIGKILL);
}

void
suspect_on_report(struct process *accuser, enum sandbox_role role, int instance)
{
	struct process *accused = suite_find(role, instance);

	if (accused == NULL)
		return;
	if (reads_strangers(accuser->role))
		begin_anew(accuser);
	if (reads_strangers(accused->role) || !reads_strangers(accuser->role))
		begin_anew(accused);
}
