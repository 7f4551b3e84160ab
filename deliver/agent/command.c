/*
 * A command of the configuration or of ~/.forward, run by /bin/sh with the message on its
 * standard input. Its environment is made here and holds nothing else; addresses travel only in
 * variables, never in the command's text. What takes too long is ended with all that it started.
 */
#include "deliver/agent/job.h"

#include "common/sandbox/privdrop.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { VARIABLES = 12, VARIABLE = 2200, OUTPUT = 4096 };

struct environment {
	char text[VARIABLES][VARIABLE];
	char *list[VARIABLES + 1];
	size_t count;
};

static void
set(struct environment *e, const char *name, const char *value, int len)
{
	snprintf(e->text[e->count], VARIABLE, "%s=%.*s", name, len, value);
	e->list[e->count] = e->text[e->count];
	e->count++;
}

static void
fill(struct environment *e, const struct agent_job *j)
{
	const char *at = strrchr(j->address, '@');
	struct slice detail = agent_job_detail(j);

	set(e, "PATH", "/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin", VARIABLE / 2);
	set(e, "DOMAIN", at == NULL ? j->hostname : at + 1, VARIABLE / 2);
	set(e, "HOME", j->home, VARIABLE / 2);
	set(e, "RECIPIENT", j->address, VARIABLE / 2);
	set(e, "ORIGINAL_RECIPIENT", j->original, VARIABLE / 2);
	set(e, "SHELL", j->shell[0] == '\0' ? "/bin/sh" : j->shell, VARIABLE / 2);
	set(e, "LOCAL", j->address, at == NULL ? VARIABLE / 2 : (int)(at - j->address));
	set(e, "LOGNAME", j->user, VARIABLE / 2);
	set(e, "USER", j->user, VARIABLE / 2);
	set(e, "SENDER", j->sender, VARIABLE / 2);
	if (detail.len > 0)
		set(e, "EXTENSION", detail.data, (int)detail.len);
}

static volatile sig_atomic_t group, is_late;

static void
on_alarm(int signal)
{
	is_late = 1;
	kill(-(pid_t)group, SIGKILL);
}

static _Noreturn void
run(const struct agent_job *j, int in, int out)
{
	static struct environment e;
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, j->argument, NULL};

	fill(&e, j);
	if (setpgid(0, 0) < 0 || dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0 ||
	    (chdir(j->home) < 0 && chdir("/") < 0)) /* nobody has no home */
		_exit(EX_TEMPFAIL);
	descriptors_close_from(3);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	execve("/bin/sh", argv, e.list);
	_exit(EX_TEMPFAIL);
}

/* The last line the command wrote is the reason of a failure. */
static void
last_line(int fd, char *out, size_t size)
{
	char text[OUTPUT];
	ssize_t n = pread(fd, text, sizeof(text) - 1,
	    lseek(fd, 0, SEEK_END) > OUTPUT - 1 ? lseek(fd, 0, SEEK_END) - (OUTPUT - 1) : 0);
	char *line;

	out[0] = '\0';
	if (n <= 0)
		return;
	text[n] = '\0';
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
		text[--n] = '\0';
	line = strrchr(text, '\n');
	strlcpy(out, line == NULL ? text : line + 1, size);
}

static struct agent_result
judge(int status, int out)
{
	char why[300];

	last_line(out, why, sizeof(why));
	if (WIFSIGNALED(status))
		return agent_temporary("the command died of signal %d", WTERMSIG(status));
	switch (WEXITSTATUS(status)) {
	case 0:
		return agent_done();
	case EX_OSERR:
	case EX_TEMPFAIL:
		return agent_temporary("the command asks to try again: %s", why);
	case EX_NOUSER:
		return agent_permanent(
		    "5.1.1", "%s", why[0] == '\0' ? "the command knows no such user" : why);
	case EX_NOPERM:
		return agent_permanent(
		    "5.7.1", "%s", why[0] == '\0' ? "the command refused the message" : why);
	default:
		return agent_permanent(
		    "5.0.0", "the command failed (%d): %s", WEXITSTATUS(status), why);
	}
}

/* Waits for the command, and ends what is left of its group when its time is over. */
static struct agent_result
await(const struct agent_job *j, pid_t pid, int out)
{
	struct sigaction alarm_action = {.sa_handler = on_alarm};
	int status;

	setpgid(pid, pid); /* whoever of the two comes first */
	group = pid;
	is_late = 0;
	sigaction(SIGALRM, &alarm_action, NULL);
	alarm(j->seconds);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	alarm(0);
	if (is_late)
		return agent_temporary("the command took more than %u seconds", j->seconds);
	return judge(status, out);
}

struct agent_result
agent_command(const struct agent_job *j)
{
	FILE *message = tmpfile(), *output = tmpfile();
	struct agent_result result;
	pid_t pid;

	if (message == NULL || output == NULL || !agent_write(j, fileno(message), false) ||
	    lseek(fileno(message), 0, SEEK_SET) < 0) {
		result = agent_temporary("cannot write a temporary file: %s", strerror(errno));
	} else if ((pid = fork()) < 0) {
		result = agent_temporary("cannot fork: %s", strerror(errno));
	} else if (pid == 0) {
		run(j, fileno(message), fileno(output));
	} else {
		result = await(j, pid, fileno(output));
	}
	if (message != NULL)
		fclose(message);
	if (output != NULL)
		fclose(output);
	return result;
}
