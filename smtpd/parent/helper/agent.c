/*
 * What queue may have root do, and what it is trusted with.
 *
 * Invariants:
 * 1. Nothing is run as root, nor as a user of the suite's own processes (user.c).
 * 2. How a mail is delivered, and the action's own command, path and user, come from the
 *    configuration; uid, home and shell from the system's user database. Where the action has a
 *    userbase, uid, gid and home are queue's word, within what user.h says.
 * 3. A |command or /file, and its user, come from queue, who keeps what lookup found in an alias or
 *    a .forward: only where the configuration lets an action find such a thing is it believed.
 *
 * So whoever takes queue over gets nothing where mail goes to accounts alone; an alias table lends
 * it the action's user, or nobody; and where .forward files are read, every ordinary user.
 */
#include "smtpd/parent/helper/agent.h"

#include "common/base/mem.h"
#include "common/ipc/asker.h"
#include "common/ipc/queue_agent.h"
#include "smtpd/parent/child/program.h"
#include "smtpd/parent/helper/helper.h"
#include "smtpd/parent/helper/user.h"
#include "smtpd/parent/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* AGENT_GRACE: an agent ends its command itself, and tells why. LAST_WORDS: its process has ended,
 * and what it said waits to be read; whoever it left its line to has nothing to say. */
enum { AGENT_GRACE = 30, LAST_WORDS_MS = 2000 };

/* It is over when its process has ended and all that it said has been read. */
struct agent {
	struct helper helper;
	struct ipc_asker asker;
	uint64_t envelope;
	struct channel *channel;
	struct timer last_words;
	int status; /* as waitpid() has it */
	bool is_answered;
};

static void
answer(struct agent *a, enum outcome outcome, const char *status, const char *text)
{
	struct qa_outcome o = {.envelope = a->envelope,
	    .outcome = (uint8_t)outcome,
	    .status = slice_of(status),
	    .text = slice_of(text)};

	if (!a->is_answered)
		qa_outcome_send(ipc_asker_channel(&a->asker), a->asker.id, &o, -1);
	a->is_answered = true;
}

/* Before there is a process: queue tries again later. Takes the body. */
static void
give_up(struct agent *a, const char *text, int body)
{
	if (body >= 0)
		close(body);
	answer(a, OUTCOME_TEMPORARY, "4.3.5", text);
	free(a);
}

static void
end_when_over(struct agent *a)
{
	if (a->helper.pid != 0 || a->channel != NULL)
		return;
	timer_stop(&a->last_words);
	if (WIFEXITED(a->status) && WEXITSTATUS(a->status) == EX_NOUSER)
		answer(a, OUTCOME_PERMANENT, "5.1.1", "there is no such user to deliver to");
	else
		answer(a, OUTCOME_TEMPORARY, "4.3.0", "the delivery ended without an outcome");
	free(a);
}

static void
on_ended(void *owner, int status)
{
	struct agent *a = owner;

	a->status = status;
	timer_start(&a->last_words, SPAN_MS(LAST_WORDS_MS));
	end_when_over(a);
}

static void
on_down(void *owner)
{
	struct agent *a = owner;

	channel_close(a->channel);
	a->channel = NULL;
	end_when_over(a);
}

static void
on_outcome(void *owner, struct ipc_message *m)
{
	struct agent *a = owner;
	struct qa_outcome o = *(const struct qa_outcome *)m->body;

	o.envelope = a->envelope;
	if (!a->is_answered)
		qa_outcome_send(ipc_asker_channel(&a->asker), a->asker.id, &o, -1);
	a->is_answered = true;
	channel_done(m->channel, m->id);
}

static void
on_no_outcome(void *owner, enum channel_end why)
{
}

/* A userbase may give its users what names it likes, but nobody the mailbox of a system's user. */
static bool
is_of_another(const char *user, const struct passwd *pw)
{
	const struct passwd *other = strchr(user, ':') == NULL ? NULL : getpwnam(pw->pw_name);

	return other != NULL && other->pw_uid != pw->pw_uid;
}

/* A user may not make files where the system keeps mail: root makes the first, and gives
 * it away. */
static void
make_spool(const struct passwd *pw)
{
	const struct group *mail = getgrnam("mail");
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "/var/mail/%s", pw->pw_name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (fchown(fd, pw->pw_uid, mail == NULL ? pw->pw_gid : mail->gr_gid) < 0)
		unlink(path);
	close(fd);
}

/* In the helper, which becomes the agent. A user without a home has the root folder. */
static _Noreturn void
run_agent(const char *user, bool needs_spool, int line)
{
	char path[PROGRAM_PATH], name[] = "agent", root[] = "/";
	char *argv[] = {name, NULL, root, NULL, NULL};
	const struct passwd *pw;
	enum user_result found = user_find_recipient(user, &pw);

	if (found != USER_FOUND)
		_exit(found == USER_NONE ? EX_NOUSER : EX_TEMPFAIL);
	if (needs_spool && geteuid() == 0 && !is_of_another(user, pw))
		make_spool(pw);
	if (!user_become(pw)) {
		fprintf(stderr, "smtpd: cannot become %s: %s\n", pw->pw_name, strerror(errno));
		_exit(EX_TEMPFAIL);
	}
	argv[1] = pw->pw_name;
	if (pw->pw_dir[0] != '\0')
		argv[2] = pw->pw_dir;
	argv[3] = pw->pw_shell;
	program_run("deliver/agent", argv, line, path);
	fprintf(stderr, "smtpd: cannot run %s: %s\n", path, strerror(errno));
	_exit(EX_TEMPFAIL);
}

static bool
reads_forward(const struct conf_action *a)
{
	return a->user.len == 0 && (a->method != METHOD_MAILBOX || a->userbase.len > 0);
}

/* What lookup may have found for this action (smtpd/lookup/expand.c), and nothing else. */
static bool
is_believable(const struct conf_action *a, const struct qa_deliver *q)
{
	if (slice_find(q->user, ':') >= 0 && (a->userbase.len == 0 || a->user.len > 0))
		return false;
	if (q->target.len == 0)
		return a->method == METHOD_MAILDIR || a->method == METHOD_MBOX ||
		       a->method == METHOD_LMTP || a->method == METHOD_MDA;
	if (a->method == METHOD_RELAY || a->method == METHOD_FORWARD_ONLY)
		return false;
	if (reads_forward(a))
		return true;
	return (a->alias.len > 0 || a->virtual.len > 0) &&
	       (a->user.len > 0 || slice_equal_text(q->user, "nobody"));
}

/* Takes body. */
static bool
give_job(struct agent *agent, const struct qa_deliver *q, const struct conf_action *a, int body)
{
	struct channel_request r = {.answer = on_outcome, .ended = on_no_outcome, .owner = agent};
	struct ag_job job = {.message = q->message,
	    .method = a->method,
	    .argument = a->argument,
	    .junk = a->junk,
	    .seconds = LIMIT_AGENT_SECONDS,
	    .rcpt_to = a->rcpt_to,
	    .expand = q->target.len == 0,
	    .username = a->user.len > 0 ? q->user : SLICE(""),
	    .sender = q->sender,
	    .address = q->address,
	    .original = q->original,
	    .hostname = suite.conf->global.hostname,
	    .delim = suite.conf->global.sub_addr_delim,
	    .octets = q->octets,
	    .size = q->size};

	if (q->target.len > 1 && q->target.data[0] == '|') {
		job.method = METHOD_MDA;
		job.argument = slice_from(q->target, 1);
	} else if (q->target.len > 0) {
		job.method = METHOD_MBOX;
		job.argument = q->target;
	}
	return ag_job_send(agent->channel, channel_request(agent->channel, &r), &job, body);
}

/* The agent's process; its end of the line is closed here. False: there is no more room for one. */
static bool
fork_agent(struct agent *agent, const struct qa_deliver *q, const struct conf_action *a, int line)
{
	char *user = slice_text(a->user.len > 0 ? a->user : q->user);
	pid_t pid = helper_fork(&agent->helper, q->user, LIMIT_AGENT_SECONDS + AGENT_GRACE);

	if (pid == 0)
		run_agent(user, a->method == METHOD_MBOX && q->target.len == 0, line);
	free(user);
	close(line);
	return pid > 0;
}

/* Takes the body. */
static void
start_agent(struct agent *agent, const struct qa_deliver *q, const struct conf_action *a, int body)
{
	static const struct ipc_schema *const answers[] = {&qa_outcome_schema, NULL};
	struct channel_options o = {
	    .peer = "agent", .answers = answers, .down = on_down, .owner = agent};
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) {
		give_up(agent, "no descriptors are left", body);
		return;
	}
	if (!fork_agent(agent, q, a, ends[1])) {
		close(ends[0]);
		give_up(agent, "enough deliveries are running", body);
		return;
	}
	agent->channel = channel_new(ends[0], &o);
	timer_init(&agent->last_words, on_down, agent);
	if (!give_job(agent, q, a, body)) {
		answer(agent, OUTCOME_PERMANENT, "5.3.5", "no agent takes such a delivery");
		helper_kill(&agent->helper);
	}
}

void
helper_on_qa_deliver(void *owner, struct ipc_message *m)
{
	const struct process *p = owner;
	const struct qa_deliver *q = m->body;
	const struct conf_action *a = conf_find_action(suite.conf, q->action);
	struct agent *agent = mem_zero(sizeof(*agent));

	*agent = (struct agent){.helper = {.kind = HELPER_AGENT, .ended = on_ended, .owner = agent},
	    .asker = ipc_asker_of(&p->channel, m),
	    .envelope = q->envelope};
	if (a == NULL)
		give_up(agent, "the action is not configured any more", m->fd);
	else if (!is_believable(a, q))
		give_up(agent, "the action does not deliver so any more", m->fd);
	else
		start_agent(agent, q, a, m->fd);
}
