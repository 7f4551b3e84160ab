#include "smtpd/parent/suite.h"

#include "common/base/log.h"
#include "common/sandbox/privdrop.h"
#include "smtpd/parent/apply.h"
#include "smtpd/parent/child/keyfile.h"
#include "smtpd/parent/child/program.h"
#include "smtpd/parent/daemon.h"
#include "smtpd/parent/folder.h"
#include "smtpd/parent/notify.h"
#include "smtpd/parent/stop.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { START_SECONDS = 60 };

struct suite suite;

static struct timer late;

struct process *
suite_find(enum sandbox_role role, int instance)
{
	for (size_t i = 0; i < suite.count; i++) {
		if (suite.processes[i].role == role && suite.processes[i].instance == instance)
			return &suite.processes[i];
	}
	return NULL;
}

/* Before it was ever ready there is no service to keep up: it ends, and then tells who
 * started it. */
static void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
fail(const char *fmt, ...)
{
	va_list ap;

	if (suite.is_stopping)
		return;
	va_start(ap, fmt);
	vsnprintf(suite.why.text, sizeof(suite.why.text), fmt, ap);
	va_end(ap);
	log_error("%s", suite.why.text);
	suite.code = 1;
	stop_begin();
}

static void
on_late(void *owner)
{
	for (size_t i = 0; i < suite.count; i++) {
		if (!suite.processes[i].is_ready) {
			fail("%s was not ready within %d s", sandbox_title(suite.processes[i].role),
			    START_SECONDS);
			return;
		}
	}
}

void
suite_on_ready(struct process *p, const char *error)
{
	p->is_ready = error[0] == '\0';
	apply_go_on();
	if (suite.is_ready || suite.is_stopping)
		return;
	if (!p->is_ready) {
		fail("cannot start %s: %s", sandbox_title(p->role), error);
		return;
	}
	for (size_t i = 0; i < suite.count; i++) {
		if (!suite.processes[i].is_ready)
			return;
	}
	suite.is_ready = true;
	timer_stop(&late);
	notify("READY=1");
	log_event(NULL, EV_ready, WORD("hostname", suite.conf->global.hostname.data));
	daemon_tell(NULL);
}

static int
by_cores(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (cores <= 2)
		return 1;
	return cores > 8 ? 4 : (int)(cores / 2);
}

static void
hold_programs(void)
{
	for (size_t i = 0; i < process_kind_count; i++)
		program_hold(process_kinds[i].folder, sandbox_title(process_kinds[i].role));
	program_hold("deliver/agent", "agent");
}

bool
suite_start(struct error *why)
{
	const struct conf_global *g = &suite.conf->global;

	suite.started = loop_now();
	suite.since = time(NULL);
	suite.is_root = geteuid() == 0;
	suite.many = g->processes != 0 ? g->processes : by_cores();
	if (!folder_make_all(g, why) ||
	    !sockets_bind(&suite.sockets, suite.conf, g->run_path.data, why) ||
	    !keyfiles_open(suite.conf, why))
		return false;
	keyfiles_hold();
	hold_programs();
	process_supervise();
	timer_init(&late, on_late, NULL);
	timer_start(&late, SPAN_SECONDS(START_SECONDS));
	for (size_t i = 0; i < process_kind_count; i++) {
		for (int k = 0; k < process_instances(process_kinds[i].role); k++) {
			struct process *p = &suite.processes[suite.count++];

			p->role = process_kinds[i].role;
			p->instance = k;
			if (!process_spawn(p))
				return error_errno(why, "cannot start %s", sandbox_title(p->role));
		}
	}
	return true;
}

/* Processes open these when they start; one that is started again must find the same there. */
static bool
keeps_paths(const struct conf_global *was, const struct conf_global *is, struct error *why)
{
	const struct {
		const char *what;
		struct slice was, is;
	} paths[] = {{"queue path", was->queue_path, is->queue_path},
	    {"mail path", was->mail_path, is->mail_path}, {"run path", was->run_path, is->run_path},
	    {"accounts path", was->accounts_path, is->accounts_path}};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (!slice_equal(paths[i].was, paths[i].is))
			return error_set(why,
			    "another %s takes a restart: stop the suite and start it",
			    paths[i].what);
	}
	return true;
}

/* imapd has bounded its files, and cannot raise that by itself; nor can we, in many a container. */
static void
raise_bounds(uint64_t octets)
{
	for (size_t i = 0; i < suite.count; i++) {
		const struct process *p = &suite.processes[i];

		if (p->role != SANDBOX_IMAPD || p->pid == 0 || privdrop_raise_bound(p->pid, octets))
			continue;
		log_warning("imapd takes messages of the new max-message-size when it starts anew");
		return;
	}
}

/* All that c needs, and may not be had; what is in force stays so. */
static bool
take(struct conf *c, struct error *why)
{
	if (suite.is_stopping)
		return error_set(why, "the suite is about to stop");
	if (!keeps_paths(&suite.conf->global, &c->global, why) || !keyfiles_open(c, why))
		return false;
	if (sockets_bind(&suite.sockets, c, suite.conf->global.run_path.data, why))
		return true;
	keyfiles_drop();
	return false;
}

bool
suite_reload(struct conf *c, struct error *why)
{
	if (!take(c, why)) {
		conf_free(c);
		return false;
	}
	if (c->global.processes != suite.conf->global.processes)
		log_warning(
		    "another number of processes takes a restart; there are as many as before");
	if (c->global.max_message > suite.conf->global.max_message)
		raise_bounds(c->global.max_message);
	conf_free(suite.conf);
	suite.conf = c;
	keyfiles_hold();
	sockets_sweep(&suite.sockets);
	apply_begin();
	return true;
}
