/*
 * smtpd: the parent. Reads the configuration, starts and joins the processes, starts again what
 * dies. It reads nothing from the network.
 */
#include "common/base/log.h"
#include "common/ipc/lookup_parent.h"
#include "common/ipc/parent_any.h"
#include "common/ipc/queue_agent.h"
#include "smtpd/parent/config/config.h"
#include "smtpd/parent/control.h"
#include "smtpd/parent/helper.h"
#include "smtpd/parent/suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

static void
on_warning(const char *text)
{
	log_warning("%s", text);
}

static struct config_options options = {.path = KURIR_CONF, .warn = on_warning};

static void
on_ready(void *owner, struct ipc_message *m)
{
	const struct pa_ready *r = m->body;

	if (!r->ok)
		log_event(NULL, EV_error, TEXT("text", r->error));
	suite_on_ready(owner, r->ok != 0);
}

static void
on_suspect(void *owner, struct ipc_message *m)
{
	const struct pa_suspect *s = m->body;

	suite_on_suspect(owner, s->role, s->instance);
}

const struct ipc_handler suite_handlers[] = {{&pa_ready_schema, on_ready}, {&pa_suspect_schema, on_suspect},
    {&lp_check_schema, helper_on_check}, {&lp_forward_schema, helper_on_forward},
    {&qa_deliver_schema, helper_on_deliver}, {NULL, NULL}};
const struct ipc_schema *const suite_answers[] = {&pa_line_schema, &pa_control_done_schema, NULL};

bool
parent_reload(struct error *why)
{
	struct conf *c = config_read(&options, why);

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

	if (!parent_reload(&why))
		log_error("the old configuration stays in force: %s", why.text);
}

static void
on_terminate(void *owner)
{
	suite_stop();
}

/* smtpd -n; with -v it also shows what it understood. */
static int
check_only(struct conf *c)
{
	struct error why = {""};
	bool ok = config_check_keys(c, &why);

	if (ok && suite.verbose)
		config_print(c, stdout);
	fprintf(stderr, "%s\n", ok ? "configuration OK" : why.text);
	conf_free(c);
	return ok ? 0 : 1;
}

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: smtpd [-dFnv] [-D macro=value] [-f file] [-L build-folder]\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	bool foreground = false, check = false;
	struct error why = {""};
	char path[1100];
	int c;

	setproctitle_init(argc, argv, environ);
	umask(022); /* whoever starts us: the processes reach their folders by other users */
	while ((c = getopt(argc, argv, "dFnvD:f:L:")) != -1) {
		if (c == 'd' || c == 'F')
			foreground = true;
		else if (c == 'n')
			check = true;
		else if (c == 'v')
			suite.verbose = true;
		else if (c == 'D' && options.definition_count < CONFIG_DEFINITIONS)
			options.definitions[options.definition_count++] = optarg;
		else if (c == 'f')
			options.path = optarg;
		else if (c == 'L')
			suite.build_root = optarg;
		else
			usage();
	}
	suite.stamp = foreground && isatty(STDERR_FILENO);
	log_init("smtpd", suite.verbose, suite.stamp);
	suite.conf = config_read(&options, &why);
	if (suite.conf == NULL) {
		fprintf(stderr, "%s\n", why.text);
		return 1;
	}
	if (check)
		return check_only(suite.conf);
	if (!foreground && daemon(0, 1) < 0)
		return 1;
	setproctitle("smtpd");
	signal(SIGPIPE, SIG_IGN);
	loop_init();
	loop_on_signal(SIGHUP, on_hangup, NULL);
	loop_on_signal(SIGTERM, on_terminate, NULL);
	loop_on_signal(SIGINT, on_terminate, NULL);
	snprintf(path, sizeof(path), "%s/smtpd.sock", suite.conf->global.run_path.data);
	if (!suite_start(&why) || !control_open(path, &why)) {
		log_error("%s", why.text);
		log_flush();
		return 1;
	}
	loop_run();
	control_close();
	loop_fini();
	conf_free(suite.conf);
	return 0;
}
