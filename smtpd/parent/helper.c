/*
 * Invariant: uid, folder and command come from the configuration and the system's user database,
 * never from who asks. Nothing here is done for uid 0.
 */
#include "smtpd/parent/helper.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/password.h"
#include "common/ipc/frame.h"
#include "common/ipc/lookup_parent.h"
#include "common/ipc/queue_agent.h"
#include "common/ipc/queue_relay.h"
#include "common/sandbox/privdrop.h"
#include "smtpd/parent/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <shadow.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { AGENT_GRACE = 30 }; /* seconds: an agent ends its command itself, and tells why */

enum helper_kind { HELPER_CHECK, HELPER_FORWARD, HELPER_AGENT };

struct helper {
	LIST_ENTRY(helper) link;
	enum helper_kind kind;
	pid_t pid;
	struct channel *asker; /* who asked; looked up again before it is answered */
	uint32_t id;
	uint64_t envelope;
	struct channel *channel; /* to an agent */
	int found;               /* from where a .forward's descriptor comes; -1 */
	struct timer deadline;
	bool is_answered;
};

static LIST_HEAD(, helper) helpers = LIST_HEAD_INITIALIZER(helpers);
static int count;

static bool
is_there(const struct helper *h)
{
	return suite_of_channel(h->asker) != NULL;
}

/* An agent leads a group of processes. */
static void
on_deadline(void *owner)
{
	struct helper *h = owner;

	if (h->pid != 0)
		kill(h->kind == HELPER_AGENT ? -h->pid : h->pid, SIGKILL);
}

static struct helper *
add_helper(enum helper_kind kind, pid_t pid, struct ipc_message *m, int seconds)
{
	struct helper *h = mem_zero(sizeof(*h));

	h->kind = kind;
	h->pid = pid;
	h->asker = m->channel;
	h->id = m->id;
	h->found = -1;
	timer_init(&h->deadline, on_deadline, h);
	timer_start(&h->deadline, SPAN_SECONDS(seconds));
	LIST_INSERT_HEAD(&helpers, h, link);
	count++;
	return h;
}

static void
answer_check(struct channel *c, uint32_t id, enum lp_check_result result)
{
	struct lp_checked m = {.result = (uint8_t)result};

	lp_checked_send(c, id, &m, -1);
}

/* In a process of its own: the hash takes its time. user NULL: nobody; that takes as long. */
static _Noreturn void
check_password(const char *user, const char *secret)
{
	struct spwd *sp = user == NULL ? NULL : getspnam(user);
	const char *hash = sp == NULL ? "" : sp->sp_pwdp;
	bool is_usable = hash[0] != '\0' && hash[0] != '*' && hash[0] != '!';

	_exit(password_matches(secret, is_usable ? hash : NULL, NULL) ? CHECK_OK : CHECK_WRONG);
}

void
helper_on_lp_check(void *owner, struct ipc_message *m)
{
	const struct lp_check *q = m->body;
	char user[65], secret[LIMIT_SECRET + 1];
	const struct passwd *pw;
	pid_t pid;

	if (!slice_copy(q->user, user, sizeof(user)) ||
	    !slice_copy(q->secret, secret, sizeof(secret))) {
		answer_check(m->channel, m->id, CHECK_WRONG);
		return;
	}
	pw = getpwnam(user);
	log_flush();
	pid = count >= LIMIT_HELPERS ? -1 : fork();
	if (pid == 0)
		check_password(pw == NULL || pw->pw_uid == 0 ? NULL : user, secret);
	explicit_bzero(secret, sizeof(secret));
	if (pid < 0)
		answer_check(m->channel, m->id, CHECK_TEMPORARY);
	else
		add_helper(HELPER_CHECK, pid, m, LIMIT_CHECK_SECONDS);
}

/* For good, in a process of its own. */
static bool
become(const struct passwd *pw)
{
	if (!suite.is_root)
		return true;
	return initgroups(pw->pw_name, pw->pw_gid) == 0 &&
	       setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) == 0 &&
	       setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) == 0 && setuid(0) != 0;
}

/* A .forward that anybody else could have written is none. */
static int
open_forward(const struct passwd *pw)
{
	char path[1100];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/.forward", pw->pw_dir);
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != pw->pw_uid ||
			   st.st_nlink != 1 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0 ||
			   st.st_size > LIMIT_FORWARD)) {
		close(fd);
		log_warning(
		    "%s is ignored: it must be a plain file of its user alone, up to %d octets",
		    path, LIMIT_FORWARD);
		return -1;
	}
	return fd;
}

/* As the user, who may reach no more through it than he may anyway; what hangs, hangs alone. */
static _Noreturn void
find_forward(const struct passwd *pw, int answer)
{
	int fd;

	if (!become(pw))
		_exit(FORWARD_TEMPORARY);
	fd = open_forward(pw);
	log_flush();
	if (fd < 0)
		_exit(FORWARD_NONE);
	_exit(frame_send(answer, SLICE("."), fd) == 1 ? FORWARD_FOUND : FORWARD_TEMPORARY);
}

static void
answer_forward(struct channel *c, uint32_t id, enum lp_forward_result result, int fd)
{
	struct lp_forward_is answer = {.result = (uint8_t)result};

	lp_forward_is_send(c, id, &answer, fd);
}

void
helper_on_lp_forward(void *owner, struct ipc_message *m)
{
	const struct lp_forward *q = m->body;
	char user[65];
	struct passwd *pw;
	int ends[2];
	pid_t pid;

	if (!slice_copy(q->user, user, sizeof(user)) || (pw = getpwnam(user)) == NULL ||
	    pw->pw_uid == 0) {
		answer_forward(m->channel, m->id, FORWARD_NONE, -1);
		return;
	}
	if (count >= LIMIT_HELPERS ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) {
		answer_forward(m->channel, m->id, FORWARD_TEMPORARY, -1);
		return;
	}
	log_flush();
	pid = fork();
	if (pid == 0)
		find_forward(pw, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		answer_forward(m->channel, m->id, FORWARD_TEMPORARY, -1);
		return;
	}
	add_helper(HELPER_FORWARD, pid, m, LIMIT_CHECK_SECONDS)->found = ends[0];
}

/* The helper has ended: its descriptor, if it found one, waits on the socket. */
static void
take_forward(struct helper *h, int status)
{
	enum lp_forward_result result = FORWARD_TEMPORARY;
	struct frame_fds fds = {.count = 0};
	char dot[1];
	bool fits;
	int fd = -1;

	if (WIFEXITED(status) && WEXITSTATUS(status) <= FORWARD_TEMPORARY)
		result = (enum lp_forward_result)WEXITSTATUS(status);
	if (result == FORWARD_FOUND && frame_receive(h->found, dot, 1, &fds, &fits) == 1)
		fd = frame_fds_take(&fds);
	frame_fds_close(&fds);
	close(h->found);
	h->found = -1;
	if (result == FORWARD_FOUND && fd < 0)
		result = FORWARD_TEMPORARY;
	if (is_there(h))
		answer_forward(h->asker, h->id, result, fd);
	else if (fd >= 0)
		close(fd);
}

/* Agents. */

static void
answer_agent(struct helper *h, const struct qa_outcome *o)
{
	struct qa_outcome out = *o;

	out.envelope = h->envelope;
	if (!h->is_answered && is_there(h))
		qa_outcome_send(h->asker, h->id, &out, -1);
	h->is_answered = true;
}

static void
refuse(struct ipc_message *m, uint64_t envelope, enum outcome outcome, const char *status,
    const char *text)
{
	struct qa_outcome o = {.envelope = envelope,
	    .outcome = (uint8_t)outcome,
	    .status = slice_of(status),
	    .text = slice_of(text)};

	if (m->fd >= 0)
		close(m->fd);
	qa_outcome_send(m->channel, m->id, &o, -1);
}

static void
on_outcome(void *owner, struct ipc_message *m)
{
	answer_agent(owner, m->body);
	channel_done(m->channel, m->id);
}

static void
on_no_outcome(void *owner, enum channel_end why)
{
}

static void
end_helper(struct helper *h)
{
	if (h->pid != 0 || h->channel != NULL)
		return;
	timer_stop(&h->deadline);
	LIST_REMOVE(h, link);
	count--;
	free(h);
}

/* All that the agent said has been read by now. */
static void
on_agent_down(void *owner)
{
	struct helper *h = owner;
	struct qa_outcome lost = {.outcome = OUTCOME_TEMPORARY,
	    .status = SLICE("4.3.0"),
	    .text = SLICE("the delivery ended without an outcome")};

	answer_agent(h, &lost);
	channel_close(h->channel);
	h->channel = NULL;
	end_helper(h);
}

/* A user may not make files where the system keeps mail: root makes the first, and gives it away.
 */
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

static _Noreturn void
run_agent(const struct passwd *pw, bool needs_spool, int fd)
{
	char path[1200], *argv[] = {path, NULL};

	if (suite.build_root != NULL)
		snprintf(path, sizeof(path), "%s/deliver/agent/agent", suite.build_root);
	else
		snprintf(path, sizeof(path), KURIR_LIBEXEC "/agent");
	if (setpgid(0, 0) < 0 || dup2(fd, 3) < 0)
		_exit(75);
	fcntl(3, F_SETFD, 0);
	closefrom(4);
	if (needs_spool && suite.is_root)
		make_spool(pw);
	if (!become(pw)) {
		fprintf(stderr, "smtpd: cannot become %s: %s\n", pw->pw_name, strerror(errno));
		_exit(75);
	}
	execv(path, argv);
	_exit(75);
}

static void
give_job(struct helper *h, const struct qa_deliver *q, const struct conf_action *a,
    const struct passwd *pw, int body)
{
	struct channel_request r = {.answer = on_outcome, .ended = on_no_outcome, .owner = h};
	char argument[2049] = "";
	struct ag_job job = {.message = q->message,
	    .method = a->method,
	    .junk = a->junk,
	    .seconds = LIMIT_AGENT_SECONDS,
	    .rcpt_to = a->rcpt_to,
	    .user = slice_of(pw->pw_name),
	    .home = slice_of(pw->pw_dir),
	    .shell = slice_of(pw->pw_shell),
	    .sender = q->sender,
	    .address = q->address,
	    .original = q->original,
	    .hostname = suite.conf->global.hostname,
	    .delim = suite.conf->global.sub_addr_delim,
	    .octets = q->octets,
	    .size = q->size};

	slice_copy(a->argument, argument, sizeof(argument));
	if (q->target.len > 1 && q->target.data[0] == '|') {
		job.method = METHOD_MDA;
		slice_copy(slice_from(q->target, 1), argument, sizeof(argument));
	} else if (q->target.len > 0) {
		job.method = METHOD_MBOX;
		slice_copy(q->target, argument, sizeof(argument));
	}
	job.expand = q->target.len == 0;
	job.argument = slice_of(argument);
	ag_job_send(h->channel, channel_request(h->channel, &r), &job, body);
}

void
helper_on_qa_deliver(void *owner, struct ipc_message *m)
{
	static const struct ipc_schema *const answers[] = {&qa_outcome_schema, NULL};
	struct channel_options o = {.peer = "agent", .answers = answers, .down = on_agent_down};
	const struct qa_deliver *q = m->body;
	const struct conf_action *a = conf_find_action(suite.conf, q->action);
	char user[65];
	struct passwd *pw;
	struct helper *h;
	int ends[2];
	pid_t pid;

	if (a == NULL || count >= LIMIT_HELPERS) {
		refuse(m, q->envelope, OUTCOME_TEMPORARY, "4.3.5",
		    a == NULL ? "the action is not configured any more"
			      : "enough deliveries are running");
		return;
	}
	if (!slice_copy(a->user.len > 0 ? a->user : q->user, user, sizeof(user)) ||
	    (pw = getpwnam(user)) == NULL || pw->pw_uid == 0) {
		refuse(m, q->envelope, OUTCOME_PERMANENT, "5.1.1",
		    "there is no such user to deliver to");
		return;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0) {
		refuse(m, q->envelope, OUTCOME_TEMPORARY, "4.3.0", "no descriptors are left");
		return;
	}
	log_flush();
	pid = fork();
	if (pid == 0)
		run_agent(pw, a->method == METHOD_MBOX && q->target.len == 0, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		refuse(m, q->envelope, OUTCOME_TEMPORARY, "4.3.0", "cannot fork");
		return;
	}
	setpgid(pid, pid); /* whoever of the two comes first */
	h = add_helper(HELPER_AGENT, pid, m, LIMIT_AGENT_SECONDS + AGENT_GRACE);
	h->envelope = q->envelope;
	o.owner = h;
	h->channel = channel_new(ends[0], &o);
	give_job(h, q, a, pw, m->fd);
}

void
helper_on_exit(pid_t pid, int status)
{
	struct helper *h;

	LIST_FOREACH (h, &helpers, link) {
		if (h->pid == pid)
			break;
	}
	if (h == NULL)
		return;
	h->pid = 0;
	if (h->kind == HELPER_FORWARD)
		take_forward(h, status);
	if (h->kind == HELPER_CHECK && is_there(h))
		answer_check(h->asker, h->id,
		    WIFEXITED(status) && WEXITSTATUS(status) <= CHECK_WRONG
			? (enum lp_check_result)WEXITSTATUS(status)
			: CHECK_TEMPORARY);
	end_helper(h);
}
