/*
 * Invariants:
 * 1. Nothing from outside is read before privileges are dropped and the sandbox is entered.
 * 2. No neighbour is listened to before the process has started: their lines wait till then.
 * 3. When the parent goes away, the child ends: nobody would restart its neighbours.
 */
#include "common/conf/child.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/title.h"
#include "common/conf/report.h"
#include "common/ipc/parent_any.h"
#include "common/net/loop.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { NAME = 64 };

/* A line to a neighbour that came before the start. */
struct early_peer {
	STAILQ_ENTRY(early_peer) link;
	struct pa_peer peer;
	int fd;
};

struct control {
	uint32_t id;
	uint64_t after;
};

static struct {
	const struct child *self;
	struct channel *parent;
	struct conf *conf;   /* in force */
	struct conf *coming; /* being received */
	int mailboxes;
	char users[NAME]; /* what the names of our users begin with */
	char empty[1024]; /* the folder to be locked into */
	bool ordinary;    /* no users of ours: an ordinary user runs the suite */
	STAILQ_HEAD(, early_peer) early;
	bool started, is_leaving;
	int code;
} child;

static void
say_ready(bool ok, const char *error)
{
	struct pa_ready ready = {.ok = ok, .error = slice_of(error)};

	pa_ready_send(child.parent, 0, &ready, -1);
	channel_flush(child.parent);
}

static void
give_up(const char *error)
{
	log_error("%s", error);
	say_ready(false, error);
	child.code = 1;
	loop_stop();
}

static void
on_setup(void *owner, struct ipc_message *m)
{
	const struct pa_setup *s = m->body;

	log_init(child.self->name, s->verbose != 0, s->stamp != 0);
	child.mailboxes = s->mailboxes;
	if (!slice_copy(s->users, child.users, sizeof(child.users)) ||
	    !slice_copy(s->empty, child.empty, sizeof(child.empty)))
		channel_violation(m->channel, "users");
}

static void
on_section(void *owner, struct ipc_message *m)
{
	if (m->schema == &conf_global_schema) {
		conf_free(child.coming);
		child.coming = conf_new();
	}
	if (child.coming == NULL || !conf_receive(child.coming, m))
		channel_violation(m->channel, m->schema->name);
}

static void
on_socket(void *owner, struct ipc_message *m)
{
	const struct pa_socket *s = m->body;

	if (child.self->socket == NULL) {
		close(m->fd);
		channel_violation(m->channel, "listen");
		return;
	}
	child.self->socket(s->listen, m->fd);
}

static void
on_key(void *owner, struct ipc_message *m)
{
	const struct pa_key *k = m->body;

	if (child.self->key == NULL) {
		close(m->fd);
		channel_violation(m->channel, "pki");
		return;
	}
	child.self->key(k->pki, m->fd);
}

/* The parent decides which of us two begins anew; if it is we, the log has said why before that. */
static void
on_violation(const struct channel *c)
{
	enum sandbox_role role;
	int instance;

	log_flush();
	if (child.parent != NULL && neighbours_find(c, &role, &instance)) {
		struct pa_suspect who = {.role = (uint8_t)role, .instance = (uint8_t)instance};

		pa_suspect_send(child.parent, 0, &who, -1);
	}
}

static void
on_peer(void *owner, struct ipc_message *m)
{
	const struct pa_peer *p = m->body;
	struct early_peer *e;

	if (child.started) {
		neighbours_take(p->role, p->instance, m->fd);
		return;
	}
	e = mem_zero(sizeof(*e));
	e->peer = *p;
	e->fd = m->fd;
	STAILQ_INSERT_TAIL(&child.early, e, link);
}

static void
open_early_peers(void)
{
	struct early_peer *e;

	while ((e = STAILQ_FIRST(&child.early)) != NULL) {
		STAILQ_REMOVE_HEAD(&child.early, link);
		neighbours_take(e->peer.role, e->peer.instance, e->fd);
		free(e);
	}
}

static bool
confine(struct sandbox_paths *paths, struct error *why)
{
	return sandbox_drop(child.self->role, child.users, child.empty, &child.ordinary, why) &&
	       sandbox_enter(child.self->role, paths, why);
}

static void
on_start(void *owner, struct ipc_message *m)
{
	struct sandbox_paths paths = {0};
	struct error why = {""};

	if (child.coming == NULL || child.started) {
		channel_violation(m->channel, "start");
		return;
	}
	child.conf = child.coming;
	child.coming = NULL;
	if ((child.self->prepare != NULL && !child.self->prepare(child.conf, &paths, &why)) ||
	    !confine(&paths, &why) || !child.self->start(child.conf, &why)) {
		give_up(why.text);
		return;
	}
	child.started = true;
	open_early_peers();
	say_ready(true, "");
}

static void
on_apply(void *owner, struct ipc_message *m)
{
	struct conf *old = child.conf;

	if (child.coming == NULL || !child.started) {
		channel_violation(m->channel, "apply");
		return;
	}
	child.conf = child.coming;
	child.coming = NULL;
	if (child.self->apply != NULL)
		child.self->apply(child.conf);
	conf_free(old);
	if (!child.is_leaving) /* then the next one begins with it, and says so */
		pa_applied_send(child.parent, m->id, &(struct pa_applied){0}, -1);
}

static void
on_stop(void *owner, struct ipc_message *m)
{
	if (child.self->drain != NULL && child.started)
		child.self->drain();
	else
		child_exit();
}

static void
on_control(void *owner, struct ipc_message *m)
{
	const struct pa_control *c = m->body;
	struct control *order = mem_zero(sizeof(*order));

	order->id = m->id;
	order->after = c->after;
	if (child.started && child.self->control == NULL &&
	    slice_equal_text(c->verb, "show status"))
		control_done(order, 0, ""); /* it runs, and counts nothing */
	else if (child.self->control == NULL || !child.started)
		control_done(order, 1, "the process does not take orders");
	else
		child.self->control(order, c->verb, c->arguments, c->json != 0);
}

static void
on_verbose(void *owner, struct ipc_message *m)
{
	log_verbose(((const struct pa_verbose *)m->body)->verbose != 0);
}

static void
on_parent_down(void *owner)
{
	log_event(NULL, EV_stopping, WORD("why", "the parent is gone"));
	loop_stop();
}

static const struct ipc_handler handlers[] = {
    {&pa_setup_schema, on_setup},
    {&conf_global_schema, on_section},
    {&conf_listen_schema, on_section},
    {&conf_pki_schema, on_section},
    {&conf_ca_schema, on_section},
    {&conf_table_schema, on_section},
    {&conf_entry_schema, on_section},
    {&conf_action_schema, on_section},
    {&conf_match_schema, on_section},
    {&conf_condition_schema, on_section},
    {&pa_socket_schema, on_socket},
    {&pa_key_schema, on_key},
    {&pa_peer_schema, on_peer},
    {&pa_start_schema, on_start},
    {&pa_apply_schema, on_apply},
    {&pa_stop_schema, on_stop},
    {&pa_control_schema, on_control},
    {&pa_verbose_schema, on_verbose},
    {&pa_trace_schema, report_on_trace},
};

/* The table above, and behind it what this process takes besides. */
static struct ipc_handler *
all_handlers(const struct child *self)
{
	size_t own = sizeof(handlers) / sizeof(handlers[0]), more = 0;
	struct ipc_handler *all;

	while (self->handlers != NULL && self->handlers[more].schema != NULL)
		more++;
	all = mem_array(own + more + 1, sizeof(*all));
	memcpy(all, handlers, sizeof(handlers));
	for (size_t i = 0; i < more; i++)
		all[own + i] = self->handlers[i];
	return all;
}

int
child_main(int argc, char **argv, const struct child *self)
{
	struct ipc_handler *all = all_handlers(self);
	struct channel_options o = {
	    .peer = "parent", .handlers = all, .answers = self->answers, .down = on_parent_down};

	title_set(argc, argv, self->name);
	if (getsockopt(CHANNEL_PARENT, SOL_SOCKET, SO_TYPE, &(int){0}, &(socklen_t){sizeof(int)}) <
	    0) {
		fprintf(stderr, "%s is started by smtpd(8), not by hand\n", self->name);
		free(all);
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	tzset(); /* the first question for a date reads a file; behind the walls there is none */
	child.self = self;
	STAILQ_INIT(&child.early);
	log_init(self->name, false, false);
	loop_init();
	child.parent = channel_new(CHANNEL_PARENT, &o);
	channel_on_violation(on_violation);
	neighbours_init(self->neighbours);
	report_begin(child.parent);
	loop_run();
	report_end();
	channel_close(child.parent);
	child.parent = NULL;
	loop_fini();
	conf_free(child.conf);
	conf_free(child.coming);
	free(all);
	return child.code;
}

void
child_exit(void)
{
	child.is_leaving = true;
	loop_stop();
}

const char *
child_name(void)
{
	return child.self->name;
}

struct channel *
child_parent(void)
{
	return child.parent;
}

bool
child_runs_as(struct slice user)
{
	return !child.ordinary && child.users[0] != '\0' &&
	       slice_has_prefix(user, slice_of(child.users));
}

int
child_mailboxes(void)
{
	return child.mailboxes;
}

const struct conf *
child_conf(void)
{
	return child.conf;
}

void
control_text(struct control *order, struct slice text)
{
	struct pa_line line = {.text = text};

	pa_line_send(child.parent, order->id, &line, -1);
}

void
control_line(struct control *order, const char *fmt, ...)
{
	struct buf text = {0};
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	control_text(order, buf_slice(&text));
	buf_fini(&text);
}

void
control_done(struct control *order, int code, const char *error)
{
	struct pa_control_done done = {.code = (uint8_t)code, .error = slice_of(error)};

	pa_control_done_send(child.parent, order->id, &done, -1);
	free(order);
}

uint64_t
control_after(const struct control *order)
{
	return order->after;
}

void
control_more(struct control *order, uint64_t after)
{
	struct pa_control_done done = {.after = after};

	pa_control_done_send(child.parent, order->id, &done, -1);
	free(order);
}
