#include "smtpd/parent/orders/control.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/ipc/ctl_parent.h"
#include "common/ipc/parent_any.h"
#include "smtpd/parent/apply.h"
#include "smtpd/parent/orders/client.h"
#include "smtpd/parent/orders/monitor.h"
#include "smtpd/parent/orders/stats.h"
#include "smtpd/parent/orders/status.h"
#include "smtpd/parent/orders/trace.h"
#include "smtpd/parent/stop.h"
#include "smtpd/parent/suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

enum { CLIENTS = 32, ORDER_SECONDS = 60, REST_MS = 1000 };

static LIST_HEAD(, client) clients = LIST_HEAD_INITIALIZER(clients);
static struct io *io;
static int sock = -1, count;
static struct timer rest; /* while there is no descriptor for who knocks */
static char socket_path[108];
static bool (*reload)(struct error *why);

/* clang-format off */
enum { SANDBOX_ALL = SANDBOX_PARENT }; /* what all answer, the parent asks of them */

static const struct {
	const char *verb;
	int answerer;
} verbs[] = {
#define V(verb, answerer, arguments) {verb, SANDBOX_##answerer},
	CTL_VERBS(V)
#undef V
};
/* clang-format on */

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static void
order_stop(struct client *c, const struct cp_order *o)
{
	client_done(c, 0, "");
	stop_begin();
}

static void
order_reload(struct client *c, const struct cp_order *o)
{
	struct error why = {""};

	if (reload(&why))
		apply_wait(c);
	else
		client_done(c, 1, why.text);
}

static void
order_show_status(struct client *c, const struct cp_order *o)
{
	status_begin(c);
}

static void
order_show_stats(struct client *c, const struct cp_order *o)
{
	stats_show(c);
}

static void
order_monitor(struct client *c, const struct cp_order *o)
{
	monitor_begin(c);
}

static void
order_trace(struct client *c, const struct cp_order *o)
{
	trace_begin(c, o->arguments);
}

static void
set_verbose(struct client *c, bool verbose)
{
	struct pa_verbose m = {.verbose = verbose};

	suite.verbose = verbose;
	log_verbose(verbose);
	for (size_t i = 0; i < suite.count; i++)
		pa_verbose_send(suite.processes[i].channel, 0, &m, -1);
	client_done(c, 0, "");
}

static void
order_log_verbose(struct client *c, const struct cp_order *o)
{
	set_verbose(c, true);
}

static void
order_log_brief(struct client *c, const struct cp_order *o)
{
	set_verbose(c, false);
}

/* Those that the parent answers itself. */
static const struct {
	const char *verb;
	void (*run)(struct client *c, const struct cp_order *o);
} own[] = {
    {"log brief", order_log_brief},
    {"log verbose", order_log_verbose},
    {"monitor", order_monitor},
    {"reload", order_reload},
    {"show stats", order_show_stats},
    {"show status", order_show_status},
    {"stop", order_stop},
    {"trace", order_trace},
};

static void
run_own(struct client *c, const struct cp_order *o)
{
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (slice_equal_text(o->verb, own[i].verb)) {
			own[i].run(c, o);
			return;
		}
	}
	client_done(c, 2, "smtpd does not know this order");
}

static void
on_order(void *owner, struct ipc_message *m)
{
	struct client *c = owner;
	const struct cp_order *o = m->body;
	size_t i = 0;

	if (c->order != 0) {
		channel_violation(m->channel, "order");
		return;
	}
	c->order = m->id;
	c->json = o->json != 0;
	while (i < VERBS && !slice_equal_text(o->verb, verbs[i].verb))
		i++;
	if (i == VERBS || verbs[i].answerer == SANDBOX_PARENT)
		run_own(c, o);
	else if (!client_ask(c, suite_find((enum sandbox_role)verbs[i].answerer, 0), o->verb,
		     o->arguments, SPAN_SECONDS(ORDER_SECONDS)))
		client_done(c, EX_TEMPFAIL, "the process that knows is not there now; try again");
}

static void
on_client_down(void *owner)
{
	struct client *c = owner;

	if (c->request != 0 && c->asked != NULL && c->asked->channel != NULL)
		channel_done(c->asked->channel, c->request);
	apply_end(c);
	monitor_end(c);
	trace_end(c);
	buf_fini(&c->answer);
	client_forget(c);
	channel_close(c->channel);
	LIST_REMOVE(c, link);
	count--;
	free(c);
}

static bool
may_order(int fd)
{
	uid_t uid;
	gid_t gid;

	return getpeereid(fd, &uid, &gid) == 0 && (uid == 0 || uid == geteuid());
}

static void
on_rested(void *owner)
{
	io_want(io, IO_READ);
}

static void
on_connect(void *owner, int events)
{
	static const struct ipc_handler handlers[] = {{&cp_order_schema, on_order}, {NULL, NULL}};
	struct channel_options o = {
	    .peer = "smtpctl", .handlers = handlers, .down = on_client_down};
	int fd = accept4(sock, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct client *c;

	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
		log_warning("smtpctl is not heard for now: %s", strerror(errno));
		io_want(io, 0);
		timer_start(&rest, SPAN_MS(REST_MS));
	}
	if (fd < 0)
		return;
	if (count >= CLIENTS || !may_order(fd)) {
		close(fd);
		return;
	}
	c = mem_zero(sizeof(*c));
	o.owner = c;
	c->channel = channel_new(fd, &o);
	LIST_INSERT_HEAD(&clients, c, link);
	count++;
}

bool
control_open(const char *path, bool (*when_reloaded)(struct error *why), struct error *why)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	bool is_taken;

	reload = when_reloaded;
	if (strlcpy(un.sun_path, path, sizeof(un.sun_path)) >= sizeof(un.sun_path))
		return error_set(why, "the path of the control socket is too long: %s", path);
	strlcpy(socket_path, path, sizeof(socket_path));
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* The pid file says so too, unless somebody removed it. */
	is_taken = sock >= 0 && connect(sock, (struct sockaddr *)&un, sizeof(un)) == 0;
	if (sock >= 0)
		close(sock);
	if (is_taken)
		return error_set(why, "a suite runs here already: %s answers", path);
	unlink(path);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (sock < 0 || bind(sock, (struct sockaddr *)&un, sizeof(un)) < 0 ||
	    chmod(path, 0666) < 0 || listen(sock, CLIENTS) < 0)
		return error_errno(why, "cannot listen on %s", path);
	timer_init(&rest, on_rested, NULL);
	io = io_new(sock, on_connect, NULL);
	io_want(io, IO_READ);
	return true;
}

void
control_close(void)
{
	while (!LIST_EMPTY(&clients))
		on_client_down(LIST_FIRST(&clients));
	if (io == NULL)
		return;
	timer_stop(&rest);
	io_close(io);
	close(sock);
	unlink(socket_path);
}
