/*
 * Makes a running process call the system, for test_walls.py: inject PID CALL [ARGUMENT...], with
 * the number of the call and up to six arguments, each a number, "text:..." (a C string), or
 * "hex:..." (octets), which are put below the process's stack. Prints what the call returned (a
 * negative errno when it failed), "killed" when the process died of it, or "exec" when it became
 * another program, which then is ended. The process goes on as if nothing had happened.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#if !defined(__x86_64__)
int
main(void)
{
	fprintf(stderr, "inject knows x86-64 only\n");
	return 77;
}
#else

enum { BELOW = 65536, MOST = 4096, SYSCALL_OCTETS = 2 };

static pid_t pid;

static void
die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Waits for a stop; says so and ends when the process died instead. */
static int
wait_stop(void)
{
	int status;

	if (waitpid(pid, &status, __WALL) != pid)
		die("waitpid");
	if (WIFSIGNALED(status) || WIFEXITED(status)) {
		printf("killed\n");
		exit(0);
	}
	return status;
}

static unsigned long long
hex_octets(const char *text, char *out)
{
	unsigned long long n = 0;
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
	unsigned long long at = *place, n;
	struct iovec here, there;

	if (strncmp(text, "text:", 5) != 0 && strncmp(text, "hex:", 4) != 0)
		return strtoull(text, NULL, 0);
	if (text[0] == 't') {
		n = strlen(text + 5) + 1;
		memcpy(octets, text + 5, n < MOST ? n : MOST);
	} else {
		n = hex_octets(text + 4, octets);
	}
	here = (struct iovec){octets, n};
	there = (struct iovec){(void *)at, n};
	if (process_vm_writev(pid, &here, 1, &there, 1, 0) != (ssize_t)n)
		die("process_vm_writev");
	*place += (n + 63) & ~63ULL;
	return at;
}

/* Steps over the system call. It may stop for other reasons before it is done. */
static void
step(struct user_regs_struct *r)
{
	for (;;) {
		int status;

		if (ptrace(PTRACE_SINGLESTEP, pid, 0, 0) < 0)
			die("step");
		status = wait_stop();
		if (status >> 16 == PTRACE_EVENT_EXEC) {
			printf("exec\n");
			kill(pid, SIGKILL);
			exit(0);
		}
		if (WSTOPSIG(status) == SIGSYS) {
			/* The filter's signal is on its way: let it have its effect. */
			ptrace(PTRACE_CONT, pid, 0, SIGSYS);
			wait_stop();
			printf("killed\n");
			kill(pid, SIGKILL);
			exit(0);
		}
		if (WSTOPSIG(status) == SIGTRAP)
			break;
	}
	if (ptrace(PTRACE_GETREGS, pid, 0, r) < 0)
		die("registers after");
}

int
main(int argc, char **argv)
{
	struct user_regs_struct before, r;
	unsigned long long *arguments[6], place;

	if (argc < 3 || argc > 9) {
		fprintf(stderr, "usage: inject pid call [argument...]\n");
		return 2;
	}
	pid = atoi(argv[1]);
	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXEC) < 0)
		die("cannot trace the process");
	if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		die("interrupt");
	wait_stop();
	if (ptrace(PTRACE_GETREGS, pid, 0, &before) < 0)
		die("registers");
	r = before;
	place = (before.rsp - BELOW) & ~63ULL;
	arguments[0] = &r.rdi;
	arguments[1] = &r.rsi;
	arguments[2] = &r.rdx;
	arguments[3] = &r.r10;
	arguments[4] = &r.r8;
	arguments[5] = &r.r9;
	for (int i = 0; i < 6; i++)
		*arguments[i] = i + 3 < argc ? argument(argv[i + 3], &place) : 0;
	/* It waits in the system, so the call that brought it there stands right before. */
	r.rip = before.rip - SYSCALL_OCTETS;
	r.rax = strtoull(argv[2], NULL, 0);
	r.orig_rax = (unsigned long long)-1;
	if (ptrace(PTRACE_SETREGS, pid, 0, &r) < 0)
		die("set registers");
	step(&r);
	printf("%lld\n", (long long)r.rax);
	if (ptrace(PTRACE_SETREGS, pid, 0, &before) < 0 || ptrace(PTRACE_DETACH, pid, 0, 0) < 0)
		die("detach");
	return 0;
}
#endif
