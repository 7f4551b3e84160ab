/*
 * smtpd: the parent. Reads the configuration, starts and joins the processes, starts again what
 * dies. It reads nothing from the network.
 */
#include "common/base/log.h"
#include "common/base/title.h"
#include "smtpd/parent/config/config.h"
#include "smtpd/parent/daemon.h"
#include "smtpd/parent/folder.h"
#include "smtpd/parent/logger/sink.h"
#include "smtpd/parent/orders/control.h"
#include "smtpd/parent/pidlock.h"
#include "smtpd/parent/reload.h"
#include "smtpd/parent/stop.h"
#include "smtpd/parent/suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	const char *pid_path; /* -p */
	bool foreground, check;
} chosen;

static void
on_warning(const char *text)
{
	if (chosen.check)
		fprintf(stderr, "%s\n", text);
	else
		log_warning("%s", text);
}

static struct config_options options = {.path = KURIR_CONF, .warn = on_warning};
static bool has_journal; /* standard error leads to it, though we are in the background */

static bool
reload(struct error *why)
{
	struct conf *c = reload_read(&options, why);

	if (c == NULL) {
		log_event(NULL, EV_configuration_error, WORD("text", why->text));
		return false;
	}
	return suite_reload(c, why);
}

static void
on_hangup(void *owner)
{
	struct error why = {""};

	if (!reload(&why))
		log_error("the old configuration stays in force: %s", why.text);
}

static void
on_terminate(void *owner)
{
	stop_begin();
}

/* smtpd -n; with -v it also shows what it understood. */
static int
check_only(struct conf *c)
{
	if (suite.verbose)
		config_print(c, stdout);
	fprintf(stderr, "configuration OK\n");
	conf_free(c);
	return 0;
}

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: smtpd [-dFnv] [-D macro=value] [-f file] [-L build-folder] "
			"[-p pid-file]\n");
	exit(2);
}

/* As it is named from everywhere: a reload reads it again, and a daemon lies in /. */
static const char *
from_root(const char *path)
{
	char *folder, *whole;

	if (path == NULL || path[0] == '/' || (folder = getcwd(NULL, 0)) == NULL)
		return path;
	if (asprintf(&whole, "%s/%s", folder, path) < 0)
		whole = NULL;
	free(folder);
	return whole == NULL ? path : whole;
}

static void
choose(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "dFnvD:f:L:p:")) != -1) {
		if (c == 'd' || c == 'F')
			chosen.foreground = true;
		else if (c == 'n')
			chosen.check = true;
		else if (c == 'v')
			suite.verbose = true;
		else if (c == 'D' && options.definition_count < CONFIG_DEFINITIONS)
			options.definitions[options.definition_count++] = optarg;
		else if (c == 'f')
			options.path = optarg;
		else if (c == 'L')
			suite.build_root = optarg;
		else if (c == 'p')
			chosen.pid_path = optarg;
		else
			usage();
	}
	if (optind != argc)
		usage();
	if (getenv("NOTIFY_SOCKET") != NULL) /* systemd follows the process that it started */
		chosen.foreground = true;
}

/* The pid file comes first: what follows would take a running suite's sockets from it. */
static bool
begin(struct error *why)
{
	const char *run = suite.conf->global.run_path.data;
	char path[1100];

	snprintf(path, sizeof(path), "%s/smtpd.pid", run);
	if (!folder_make_run(&suite.conf->global, why) || !pidlock_take(path, why) ||
	    (chosen.pid_path != NULL && !pidlock_take(chosen.pid_path, why)))
		return false;
	snprintf(path, sizeof(path), "%s/smtpd.sock", run);
	return suite_start(why) && control_open(path, reload, why);
}

static int
run(void)
{
	loop_init();
	if (!chosen.foreground && !has_journal)
		sink_begin();
	loop_on_signal(SIGHUP, on_hangup, NULL);
	loop_on_signal(SIGTERM, on_terminate, NULL);
	loop_on_signal(SIGINT, on_terminate, NULL);
	if (begin(&suite.why)) {
		loop_run();
	} else {
		log_error("%s", suite.why.text);
		suite.code = 1;
	}
	control_close();
	sink_end();
	pidlock_release();
	if (suite.code != 0)
		daemon_tell(suite.why.text);
	loop_fini();
	conf_free(suite.conf);
	return suite.code;
}

int
main(int argc, char **argv)
{
	struct error why = {""};

	daemon_clean();
	title_set(argc, argv, "smtpd");
	choose(argc, argv);
	suite.stamp = chosen.foreground && isatty(STDERR_FILENO);
	log_init("smtpd", suite.verbose, suite.stamp);
	if (!chosen.foreground && !chosen.check) {
		options.path = from_root(options.path);
		suite.build_root = from_root(suite.build_root);
		chosen.pid_path = from_root(chosen.pid_path);
	}
	options.opens_keys = chosen.check;
	suite.conf = config_read(&options, &why);
	if (suite.conf == NULL) {
		fprintf(stderr, "%s%s\n", why.text,
		    access(options.path, F_OK) == 0
			? ""
			: "; write it (smtpd.conf(5) has examples), or name another with -f");
		return 1;
	}
	if (chosen.check)
		return check_only(suite.conf);
	signal(SIGPIPE, SIG_IGN);
	if (chosen.foreground)
		daemon_unblock_log();
	if (!chosen.foreground && !daemon_begin(&has_journal, &why)) {
		fprintf(stderr, "smtpd: %s\n", why.text);
		return 1;
	}
	return run();
}
