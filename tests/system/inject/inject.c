/*
 * Makes a running process call the system, for test_walls.py: inject PID CALL [ARGUMENT...], with
 * the number of the call and up to six arguments, each a number, "text:..." (a C string), or
 * "hex:..." (octets), which are put below the process's stack. Prints what the call returned (a
 * negative errno when it failed), "killed" and the signal when the process died of it, or "exec"
 * when it became another program, which then is ended; so is a child that it made. The process
 * goes on as if nothing had happened. Ends with 77 where nobody may trace, with 1 on a failure.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77 };

#if !defined(__x86_64__)
int
main(void)
{
	fprintf(stderr, "inject knows x86-64 only\n");
	return SKIPPED;
}
#else

enum { BELOW = 65536, MOST = 4096, TRIES = 200, PAUSE_US = 10000, CALL_OCTETS = 2 };

static const unsigned char call_octets[CALL_OCTETS] = {0x0f, 0x05};
static pid_t pid;
static int kept; /* a signal that came in between, to be given back */

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "inject: process %d: %s: %s\n", (int)pid, what, strerror(errno));
	exit(1);
}

static _Noreturn void
tell_killed(int status)
{
	if (WIFSIGNALED(status))
		printf("killed %d\n", WTERMSIG(status));
	else
		printf("killed 0\n");
	exit(0);
}

/* Waits for a stop; says so and ends when the process died instead. */
static int
wait_stop(void)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid)
		die("waitpid");
	if (!WIFSTOPPED(status))
		tell_killed(status);
	return status;
}

static size_t
hex_octets(const char *text, char *out)
{
	size_t n = 0;
	unsigned octet;

	for (; n < MOST && sscanf(text + 2 * n, "%2x", &octet) == 1; n++)
		out[n] = (char)octet;
	return n;
}

/* The value of an argument; what it points to goes to *place, which moves on. */
static unsigned long long
argument(const char *text, unsigned long long *place)
{
	char octets[MOST];
	unsigned long long at = *place;
	struct iovec here = {.iov_base = octets}, there = {.iov_base = (void *)at};

	if (strncmp(text, "hex:", 4) == 0)
		here.iov_len = hex_octets(text + 4, octets);
	else if (strncmp(text, "text:", 5) == 0 && strlen(text + 5) < MOST)
		here.iov_len = (size_t)snprintf(octets, sizeof(octets), "%s", text + 5) + 1;
	else
		return strtoull(text, NULL, 0);
	there.iov_len = here.iov_len;
	if (process_vm_writev(pid, &here, 1, &there, 1, 0) != (ssize_t)here.iov_len)
		die("cannot write its memory");
	*place += (here.iov_len + 63) & ~63ULL;
	return at;
}

/*
 * Stops it while it waits in the system, so that the instruction before is the one that calls.
 * Found elsewhere, at work, it is left alone for a while.
 */
static void
stop(struct user_regs_struct *r)
{
	const long options = PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;

	if (ptrace(PTRACE_SEIZE, pid, 0, options) < 0) {
		if (errno != EPERM && errno != EACCES)
			die("cannot be traced");
		fprintf(
		    stderr, "nobody may trace here, not even root (yama, or no CAP_SYS_PTRACE)\n");
		exit(SKIPPED);
	}
	for (int i = 0; i < TRIES; i++) {
		unsigned char octets[CALL_OCTETS];
		struct iovec here = {octets, sizeof(octets)}, there = {NULL, sizeof(octets)};

		if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
			die("cannot be interrupted");
		wait_stop();
		if (ptrace(PTRACE_GETREGS, pid, 0, r) < 0)
			die("its registers");
		there.iov_base = (void *)(r->rip - CALL_OCTETS);
		if (process_vm_readv(pid, &here, 1, &there, 1, 0) == CALL_OCTETS &&
		    memcmp(octets, call_octets, CALL_OCTETS) == 0)
			return;
		if (ptrace(PTRACE_CONT, pid, 0, 0) < 0)
			die("cannot go on");
		usleep(PAUSE_US);
	}
	errno = EBUSY;
	die("never waits in the system");
}

/* A child begins stopped, and does nothing more. */
static void
end_child(void)
{
	unsigned long child;

	if (ptrace(PTRACE_GETEVENTMSG, pid, 0, &child) < 0)
		die("its child");
	kill((pid_t)child, SIGKILL);
	waitpid((pid_t)child, NULL, __WALL);
}

/* What stands between the call and its end: true when it is done. */
static bool
is_done(int status)
{
	int signal = WSTOPSIG(status);

	switch (status >> 16) {
	case PTRACE_EVENT_EXEC:
		printf("exec\n");
		kill(pid, SIGKILL);
		exit(0);
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
		end_child();
		return false;
	case PTRACE_EVENT_STOP:
		return false;
	default:
		break;
	}
	if (signal == SIGTRAP)
		return true;
	if (signal == SIGSYS) {
		/* The filter's signal is on its way: let it have its effect. */
		ptrace(PTRACE_CONT, pid, 0, SIGSYS);
		wait_stop();
		die("lives on after SIGSYS");
	}
	kept = signal;
	return false;
}

static void
step(struct user_regs_struct *r)
{
	do {
		if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) < 0)
			die("cannot step");
	} while (!is_done(wait_stop()));
	if (ptrace(PTRACE_GETREGS, pid, 0, r) < 0)
		die("its registers after the call");
}

int
main(int argc, char **argv)
{
	struct user_regs_struct before, r;
	unsigned long long *arguments[6] = {&r.rdi, &r.rsi, &r.rdx, &r.r10, &r.r8, &r.r9}, place;

	if (argc < 3 || argc > 9) {
		fprintf(stderr, "usage: inject pid call [argument...]\n");
		return 2;
	}
	pid = atoi(argv[1]);
	stop(&before);
	r = before;
	place = (before.rsp - BELOW) & ~63ULL;
	for (int i = 0; i < 6; i++)
		*arguments[i] = i + 3 < argc ? argument(argv[i + 3], &place) : 0;
	r.rip = before.rip - CALL_OCTETS;
	r.rax = strtoull(argv[2], NULL, 0);
	r.orig_rax = (unsigned long long)-1; /* so that the call it waits in is not begun again */
	if (ptrace(PTRACE_SETREGS, pid, 0, &r) < 0)
		die("cannot set its registers");
	step(&r);
	if (ptrace(PTRACE_SETREGS, pid, 0, &before) < 0 || ptrace(PTRACE_DETACH, pid, 0, 0) < 0)
		die("cannot let it go on");
	if (kept != 0)
		kill(pid, kept);
	printf("%lld\n", (long long)r.rax);
	return 0;
}
#endif
