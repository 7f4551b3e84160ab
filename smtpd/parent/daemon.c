#include "smtpd/parent/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int starter = -1; /* who waits; -1: nobody, or told */

/* A socket that became descriptor 2 would get what is meant for standard error. */
static void
open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

void
daemon_clean(void)
{
	struct rlimit files;
	sigset_t none;

	open_standard();
	for (int number = 1; number < NSIG; number++) {
		struct sigaction was;

		if (sigaction(number, NULL, &was) == 0 && was.sa_handler == SIG_IGN)
			signal(number, SIG_DFL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(0077);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

void
daemon_unblock_log(void)
{
	struct stat st;
	int fd = -1;

	if (fstat(STDERR_FILENO, &st) == 0 && S_ISFIFO(st.st_mode))
		fd = open("/dev/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	dup2(fd, STDERR_FILENO);
	close(fd);
}

/* The word of the one in the background, or its end. */
static _Noreturn void
wait_for(int fd)
{
	char text[1024];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text) - 1) {
		n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	if (strcmp(text, ".") == 0)
		_exit(0);
	fprintf(stderr, "smtpd: %s\n",
	    len > 0 ? text : "it ended while it started; the system's log may say why");
	_exit(1);
}

/* What systemd says of the standard error that it made: "device:inode". */
static bool
is_journal(void)
{
	const char *said = getenv("JOURNAL_STREAM");
	char text[64];
	struct stat st;

	if (said == NULL || fstat(STDERR_FILENO, &st) < 0)
		return false;
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
	    (unsigned long long)st.st_ino);
	return strcmp(said, text) == 0;
}

bool
daemon_begin(bool *journal, struct error *why)
{
	int ends[2], null = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = -1;

	if (null >= 0 && pipe2(ends, O_CLOEXEC) == 0)
		pid = fork();
	if (pid < 0)
		return error_errno(why, "cannot go to the background");
	if (pid > 0) {
		close(ends[1]);
		wait_for(ends[0]);
	}
	close(ends[0]);
	starter = ends[1];
	*journal = is_journal();
	setsid();
	for (int fd = 0; fd <= (*journal ? STDOUT_FILENO : STDERR_FILENO); fd++)
		dup2(null, fd);
	close(null);
	return chdir("/") == 0 || error_errno(why, "cannot change to /");
}

void
daemon_tell(const char *error)
{
	const char *text = error == NULL ? "." : error;

	if (starter < 0)
		return;
	while (write(starter, text, strlen(text)) < 0 && errno == EINTR)
		;
	close(starter);
	starter = -1;
}
