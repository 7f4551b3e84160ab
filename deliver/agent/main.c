/*
 * agent: one delivery outside Kurir's own store, as the recipient, then exit. The parent has
 * made it the recipient before it was started, and names the recipient as it starts it:
 *
 *	agent user home shell
 *
 * Then it is given one job and the message.
 */
#include "common/base/ascii.h"
#include "common/base/log.h"
#include "common/base/title.h"
#include "common/conf/conf.h"
#include "common/net/loop.h"
#include "common/sandbox/sandbox.h"
#include "deliver/agent/job.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct channel *parent;
static struct agent_recipient recipient;

/* The limits of the role, and its walls. The parent has made us the recipient already. */
static bool
enter(enum sandbox_role role, const struct sandbox_paths *paths, struct error *why)
{
	bool ordinary;

	return sandbox_drop(role, "", NULL, &ordinary, why) && sandbox_enter(role, paths, why);
}

/*
 * Walls around a file delivery: the folder it works in, and no other. Of a place that is yet to
 * be made that is the lowest folder above it that is there.
 */
static bool
confine(const char *place, struct error *why)
{
	char folder[AGENT_PATH];
	const char *folders[] = {folder, NULL};
	const struct sandbox_paths paths = {.rw = folders};
	struct stat st;

	if (strlcpy(folder, place, sizeof(folder)) >= sizeof(folder))
		return error_set(why, "the path %.200s... is too long", place);
	while (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
		char *slash = strrchr(folder, '/');

		if (slash == NULL || slash == folder) {
			strlcpy(folder, "/", sizeof(folder));
			break;
		}
		*slash = '\0';
	}
	return enter(SANDBOX_AGENT, &paths, why);
}

/* In the recipient's home, unless the administrator chose another place. */
static struct agent_result
deliver_maildir(const struct agent_job *j)
{
	struct error why = {""};

	if (!confine(j->argument[0] == '/' ? j->argument : j->home, &why))
		return agent_temporary("%s", why.text);
	return agent_maildir(j);
}

static struct agent_result
deliver_mbox(const struct agent_job *j)
{
	struct error why = {""};
	char path[AGENT_PATH];

	if (j->argument[0] != '\0')
		snprintf(path, sizeof(path), "%s", j->argument);
	else
		snprintf(path, sizeof(path), "/var/mail/%s", j->user);
	if (strcmp(path, "/dev/null") == 0) /* the alias of what nobody wants */
		return agent_done();
	if (!confine(path, &why))
		return agent_temporary("%s", why.text);
	return agent_mbox(j, path);
}

/* Names are resolved and the connection is made first: behind the walls it can make no other. */
static struct agent_result
deliver_lmtp(const struct agent_job *j)
{
	struct error why = {""};
	int fd = agent_lmtp_open(j);

	if (fd < 0)
		return agent_temporary("cannot connect to %s: %s", j->argument, strerror(errno));
	if (!enter(SANDBOX_AGENT_LMTP, NULL, &why)) {
		close(fd);
		return agent_temporary("%s", why.text);
	}
	return agent_lmtp(j, fd);
}

/* The command is another program, with all that the recipient may do; the limits bind it too. */
static struct agent_result
deliver_command(const struct agent_job *j)
{
	struct error why = {""};

	if (!enter(SANDBOX_AGENT_COMMAND, NULL, &why))
		return agent_temporary("%s", why.text);
	return agent_command(j);
}

static struct agent_result
deliver(const struct agent_job *j)
{
	switch ((enum conf_method)j->method) {
	case METHOD_MAILDIR:
		return deliver_maildir(j);
	case METHOD_MBOX:
		return deliver_mbox(j);
	case METHOD_LMTP:
		return deliver_lmtp(j);
	case METHOD_MDA:
		return deliver_command(j);
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

	agent_job_init(&j, &recipient, m->body, m->fd);
	r = agent_job_expand(&j, &why) ? deliver(&j) : agent_temporary("%s", why.text);
	out.outcome = (uint8_t)r.outcome;
	out.status = slice_of(r.status);
	ascii_make_printable(r.text);
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
	if (argc != 4) {
		fprintf(stderr, "agent is started by smtpd, with a user, a home and a shell\n");
		return 1;
	}
	title_set(argc, argv, "agent");
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	tzset(); /* it reads a file, which behind the walls is none */
	recipient = (struct agent_recipient){.user = argv[1], .home = argv[2], .shell = argv[3]};
	log_init("agent", false, false);
	loop_init();
	parent = channel_new(CHANNEL_PARENT, &o);
	loop_run();
	channel_close(parent);
	loop_fini();
	return 0;
}
