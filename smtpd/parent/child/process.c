#include "smtpd/parent/child/process.h"

#include "common/base/log.h"
#include "common/ipc/parent_any.h"
#include "smtpd/parent/child/handlers.h"
#include "smtpd/parent/child/join.h"
#include "smtpd/parent/child/program.h"
#include "smtpd/parent/child/restart.h"
#include "smtpd/parent/folder.h"
#include "smtpd/parent/helper/helper.h"
#include "smtpd/parent/logger/sink.h"
#include "smtpd/parent/orders/stats.h"
#include "smtpd/parent/orders/trace.h"
#include "smtpd/parent/stop.h"
#include "smtpd/parent/suite.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* What ended so often before it was ever ready will not start, whatever it is tried. */
enum { AGAIN_SECONDS = 1, STARTS_MOST = 4 };

const struct process_kind process_kinds[] = {
    {SANDBOX_KEYHOLDER, "smtpd/keyholder", CONF_SEES_LISTENS | CONF_SEES_PKI, 0, false},
    {SANDBOX_RESOLVER, "smtpd/resolver", 0, 0, false},
    {SANDBOX_LOOKUP, "smtpd/lookup",
	CONF_SEES_LISTENS | CONF_SEES_TABLES | CONF_SEES_ACTIONS | CONF_SEES_MATCHES, 0, false},
    {SANDBOX_MAILBOX, "deliver/mailbox", 0, 0, true},
    {SANDBOX_RELAY, "deliver/relay", CONF_SEES_ACTIONS | CONF_SEES_CA, 0, true},
    {SANDBOX_QUEUE, "queue", CONF_SEES_ACTIONS, 0, false},
    {SANDBOX_LISTENER, "smtpd/listener", CONF_SEES_LISTENS | CONF_SEES_PKI | CONF_SEES_CA,
	1U << SERVICE_SMTP | 1U << SERVICE_SUBMISSION, true},
    {SANDBOX_IMAPD, "imapd", CONF_SEES_LISTENS | CONF_SEES_PKI | CONF_SEES_CA, 1U << SERVICE_IMAP,
	true},
    {SANDBOX_POP3D, "pop3d", CONF_SEES_LISTENS | CONF_SEES_PKI | CONF_SEES_CA, 1U << SERVICE_POP3,
	true},
};

const size_t process_kind_count = sizeof(process_kinds) / sizeof(process_kinds[0]);

const struct process_kind *
process_kind(enum sandbox_role role)
{
	size_t i = 0;

	while (i < process_kind_count - 1 && process_kinds[i].role != role)
		i++;
	return &process_kinds[i];
}

int
process_instances(enum sandbox_role role)
{
	return process_kind(role)->is_many ? suite.many : 1;
}

static _Noreturn void
exec_child(const struct process *p, int fd, int log)
{
	char path[PROGRAM_PATH], name[32], *argv[] = {name, NULL};

	snprintf(name, sizeof(name), "%s", sandbox_title(p->role));
	if (log >= 0 && dup2(log, STDERR_FILENO) < 0)
		_exit(1);
	program_run(process_kind(p->role)->folder, argv, fd, path);
	fprintf(stderr, "smtpd: cannot run %s: %s\n", path, strerror(errno));
	_exit(1);
}

void
process_abandon(struct process *p)
{
	p->is_ready = false;
	kill(p->pid, SIGKILL);
}

/* Not while it stops: then it is on its way. */
static void
on_down(void *owner)
{
	struct process *p = owner;

	channel_close(p->channel);
	p->channel = NULL;
	if (p->pid != 0 && !suite.is_stopping)
		kill(p->pid, SIGKILL);
}

static void
send_setup(struct process *p)
{
	char empty[1024];
	struct pa_setup setup = {.verbose = suite.verbose,
	    .stamp = suite.stamp,
	    .instance = (uint8_t)p->instance,
	    .mailboxes = (uint8_t)process_instances(SANDBOX_MAILBOX),
	    .users = SLICE(FOLDER_USERS)};

	snprintf(empty, sizeof(empty), "%s/empty", suite.conf->global.run_path.data);
	setup.empty = slice_of(empty);
	pa_setup_send(p->channel, 0, &setup, -1);
}

/* The program runs, and p knows its pid; gives our end of the line. -1 with errno: it does not. */
static int
start_program(struct process *p)
{
	int ends[2], log = -1;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	p->log = sink_new(sandbox_title(p->role), &log);
	log_flush();
	p->pid = fork();
	if (p->pid == 0)
		exec_child(p, ends[1], log);
	close(ends[1]);
	if (log >= 0)
		close(log);
	if (p->pid < 0) {
		close(ends[0]);
		sink_close(p->log);
		p->log = NULL;
		p->pid = 0;
		return -1;
	}
	sink_set_pid(p->log, p->pid);
	return ends[0];
}

/* What it is told first, in this order: who it is, what it serves, whom it may ask; and to begin. */
static void
introduce(struct process *p)
{
	struct pa_start start = {0};

	send_setup(p);
	if (!join_send_conf(p) || !join_all(p, !suite.is_ready && p->restarts == 0))
		process_abandon(p);
	pa_start_send(p->channel, 0, &start, -1);
	trace_on_start(p);
}

static void on_again(void *owner);

bool
process_spawn(struct process *p)
{
	static const struct ipc_schema *const answers[] = {
	    &pa_line_schema, &pa_control_done_schema, &pa_applied_schema, NULL};
	struct channel_options o = {.peer = sandbox_title(p->role),
	    .handlers = handlers_of(p->role),
	    .answers = answers,
	    .down = on_down,
	    .quiet = &pa_trace_line_schema,
	    .owner = p};
	int line;

	timer_init(&p->again, on_again, p);
	line = start_program(p);
	if (line < 0)
		return false;
	p->started = loop_now();
	p->since = time(NULL);
	p->is_ready = false;
	p->applying = 0;
	p->last_socket = 0;
	p->channel = channel_new(line, &o);
	introduce(p);
	log_event(
	    NULL, EV_process_start, WORD("process", sandbox_title(p->role)), NUM("pid", p->pid));
	return true;
}

static void
on_again(void *owner)
{
	struct process *p = owner;

	if (suite.is_stopping || p->pid != 0)
		return;
	p->restarts++;
	if (!process_spawn(p)) {
		log_error("cannot start %s: %s", sandbox_title(p->role), strerror(errno));
		timer_start(&p->again, SPAN_SECONDS(AGAIN_SECONDS));
	}
}

static void
on_exit_of(struct process *p, int status)
{
	p->pid = 0;
	stats_on_exit(p);
	sink_close(p->log);
	p->log = NULL;
	if (p->channel != NULL) {
		channel_close(p->channel);
		p->channel = NULL;
	}
	if (suite.is_stopping) {
		stop_go_on();
		return;
	}
	log_event(NULL, EV_process_exit, WORD("process", sandbox_title(p->role)),
	    NUM("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
	    NUM("code", WIFEXITED(status) ? WEXITSTATUS(status) : 0));
	if (!suite.is_ready && p->restarts + 1 >= STARTS_MOST) {
		suite_on_ready(p, "it ends before it is ready; the log may say why");
		return;
	}
	p->delay_ms =
	    restart_delay(p->delay_ms, p->is_ready, moment_between(p->started, loop_now()).ms);
	p->is_ready = false;
	timer_start(&p->again, SPAN_MS(p->delay_ms));
}

static struct process *
find_pid(pid_t pid)
{
	for (size_t i = 0; i < suite.count; i++) {
		if (suite.processes[i].pid == pid)
			return &suite.processes[i];
	}
	return NULL;
}

static void
on_child(void *owner)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct process *p = find_pid(pid);

		if (p != NULL)
			on_exit_of(p, status);
		else
			helper_on_exit(pid, status);
	}
}

void
process_supervise(void)
{
	loop_on_signal(SIGCHLD, on_child, NULL);
}
