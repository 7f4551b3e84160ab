/*
 * smtpctl: an administrator's orders to a running suite. By its other names it
 * is what programs expect of a mail system: sendmail, mailq, newaliases.
 */
#include "common/sandbox/sandbox.h"
#include "smtpd/ctl/command.h"
#include "smtpd/ctl/sendmail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 1024 };

static char socket_path[PATH];
static struct ctl ctl = {.socket = socket_path};

/* From here on only sockets, and the terminal to ask for a password. */
static bool
confine(void)
{
	static const char *const terminal[] = {"/dev/tty", NULL};
	struct sandbox_paths paths = {0};
	struct error why = {""};

	if (access(terminal[0], R_OK | W_OK) == 0)
		paths.rw = terminal;
	if (sandbox_enter(SANDBOX_CTL, &paths, &why))
		return true;
	ctl_fail(CTL_FAILED, "%s", why.text);
	return false;
}

static int
usage(void)
{
	return ctl_fail(CTL_USAGE, "usage: smtpctl [-s socket] [--json] command [argument ...]; "
				   "smtpctl help lists the commands");
}

static int
run_smtpctl(int argc, char **argv)
{
	int at = 1;

	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "-h") == 0 || strcmp(argv[at], "--help") == 0) {
			command_help();
			return CTL_OK;
		}
		if (strcmp(argv[at], "--json") == 0)
			ctl.json = true;
		else if (strcmp(argv[at], "-s") == 0 && at + 1 < argc)
			ctl.socket = argv[++at];
		else
			return usage();
	}
	return confine() ? command_run(&ctl, argc - at, argv + at) : CTL_FAILED;
}

int
ctl_mailq(void)
{
	char show[] = "show", queue[] = "queue";

	return confine() ? command_run(&ctl, 2, (char *[]){show, queue, NULL}) : CTL_FAILED;
}

int
ctl_newaliases(void)
{
	char update[] = "update", table[] = "table";

	return confine() ? command_run(&ctl, 2, (char *[]){update, table, NULL}) : CTL_FAILED;
}

int
ctl_flush(void)
{
	char schedule[] = "schedule", all[] = "all";

	return confine() ? command_run(&ctl, 2, (char *[]){schedule, all, NULL}) : CTL_FAILED;
}

int
main(int argc, char **argv)
{
	const char *run = getenv("KURIR_RUN"), *name = argc > 0 ? strrchr(argv[0], '/') : NULL;

	if (argc == 0)
		return CTL_USAGE;
	name = name == NULL ? argv[0] : name + 1;
	if (run == NULL || run[0] != '/')
		run = KURIR_RUN_PATH;
	snprintf(socket_path, sizeof(socket_path), "%s/smtpd.sock", run);
	if (strcmp(name, "sendmail") == 0 || strcmp(name, "send-mail") == 0)
		return sendmail_run(run, argc, argv);
	if (strcmp(name, "mailq") == 0)
		return ctl_mailq();
	if (strcmp(name, "newaliases") == 0)
		return ctl_newaliases();
	return run_smtpctl(argc, argv);
}
