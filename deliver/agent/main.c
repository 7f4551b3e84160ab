/*
 * agent: one delivery outside Kurir's own store, as the recipient, then exit. The parent has
 * made it the recipient before it was started; it is given one job and the message.
 */
#include "common/base/log.h"
#include "common/conf/conf.h"
#include "common/net/loop.h"
#include "common/sandbox/sandbox.h"
#include "deliver/agent/job.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PARENT_FD = 3, PATH_TEXT = 1200 };

static struct channel *parent;

static bool
confine(const struct agent_job *j, struct error *why)
{
	const char *folders[] = {j->home, "/var/mail", "/var/spool/mail", NULL};
	struct sandbox_paths paths = {.rw = folders};

	switch ((enum conf_method)j->method) {
	case METHOD_MAILDIR:
	case METHOD_MBOX:
		if (j->argument[0] == '/')
			return true;      /* a place of the administrator's choice: only the user's rights bind */
		return sandbox_enter(SANDBOX_AGENT, &paths, why);
	case METHOD_LMTP:
		return j->argument[0] != '/' || sandbox_enter(SANDBOX_AGENT_LMTP, NULL, why);
	case METHOD_MDA:
	case METHOD_MAILBOX:
	case METHOD_RELAY:
	case METHOD_EXPAND_ONLY:
	case METHOD_FORWARD_ONLY:
		break;
	}
	return true;
}

static struct agent_result
deliver(const struct agent_job *j)
{
	char path[PATH_TEXT];

	switch ((enum conf_method)j->method) {
	case METHOD_MAILDIR:
		return agent_maildir(j);
	case METHOD_MBOX:
		if (j->argument[0] != '\0')
			return agent_mbox(j, j->argument);
		snprintf(path, sizeof(path), "/var/mail/%s", j->user);
		return agent_mbox(j, path);
	case METHOD_LMTP:
		return agent_lmtp(j);
	case METHOD_MDA:
		return agent_command(j);
	case METHOD_MAILBOX:
	case METHOD_RELAY:
	case METHOD_EXPAND_ONLY:
	case METHOD_FORWARD_ONLY:
		break;
	}
	return agent_temporary("this method is none of the agent's");
}

static void
on_job(void *owner, struct ipc_message *m)
{
	struct agent_job j;
	struct agent_result r;
	struct error why = {""};
	struct qa_outcome out = {0};

	agent_job_init(&j, m->body, m->fd);
	r = agent_job_expand(&j, &why) && confine(&j, &why) ? deliver(&j) : agent_temporary("%s", why.text);
	out.outcome = (uint8_t)r.outcome;
	out.status = slice_of(r.status);
	for (char *p = r.text; *p != '\0'; p++) {
		if ((unsigned char)*p < ' ' || (unsigned char)*p >= 127)
			*p = '?';
	}
	out.text = slice_of(r.text);
	qa_outcome_send(m->channel, m->id, &out, -1);
	channel_flush(m->channel);
	agent_job_fini(&j);
	loop_stop();
}

static void
on_down(void *owner)
{
	loop_stop();
}

int
main(int argc, char **argv)
{
	static const struct ipc_handler handlers[] = {{&ag_job_schema, on_job}, {NULL, NULL}};
	struct channel_options o = {.peer = "parent", .handlers = handlers, .down = on_down};

	if (getuid() == 0 || geteuid() == 0) {
		fprintf(stderr, "agent delivers as a user and never as root\n");
		return 1;
	}
	setproctitle_init(argc, argv, environ);
	setproctitle("agent");
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	log_init("agent", false, false);
	loop_init();
	parent = channel_new(PARENT_FD, &o);
	loop_run();
	channel_close(parent);
	loop_fini();
	return 0;
}
