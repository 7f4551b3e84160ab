#include "smtpd/lookup/server.h"

#include "common/conf/child.h"
#include "common/ipc/any_lookup.h"
#include "common/ipc/lookup_mailbox.h"
#include "smtpd/lookup/login.h"
#include "smtpd/lookup/route.h"
#include "smtpd/lookup/value.h"

#include <unistd.h>

enum { INSTANCES = 64 };

static struct channel *lines[SANDBOX_ROLE_COUNT][INSTANCES];
static int mailboxes = 1;

uint8_t
server_mailbox_of(struct slice account)
{
	return conf_mailbox_of(account, mailboxes);
}

struct channel *
server_mailbox(uint8_t instance)
{
	return lines[SANDBOX_MAILBOX][instance % INSTANCES];
}

static void
close_line(struct channel **line)
{
	channel_close(*line);
	*line = NULL;
}

static void
on_down(void *owner)
{
	close_line(owner);
}

static void
on_login(void *owner, struct ipc_message *m)
{
	login_answer(ipc_asker_of(owner, m), m->body);
}

static void
on_route(void *owner, struct ipc_message *m)
{
	route_answer(ipc_asker_of(owner, m), m->body);
}

static void
on_sender(void *owner, struct ipc_message *m)
{
	value_answer_sender(ipc_asker_of(owner, m), m->body);
}

static bool
is_needed_by(const struct conf_action *a, const struct al_fetch *q)
{
	switch ((enum al_service)q->service) {
	case FETCH_CREDENTIALS:
		return slice_equal(q->table, a->auth_table);
	case FETCH_RELAYHOST:
		return slice_equal(q->table, a->host_table) ||
		       slice_equal(q->table, a->domain_table);
	case FETCH_SOURCE:
		return slice_equal(q->table, a->src_table);
	case FETCH_ADDRNAME:
		return slice_equal(q->table, a->helo_table);
	case FETCH_DOMAIN:
		break;
	}
	return false;
}

/* Relay may ask the tables that actions name, and for what they name them: others may hold users'
 * passwords. Whoever asks for such may do so by a configuration that was, and hears "not now". */
static void
on_fetch(void *owner, struct ipc_message *m)
{
	const struct al_fetch *q = m->body;
	const struct conf *c = child_conf();
	bool is_needed = false;

	for (size_t i = 0; i < c->action_count; i++)
		is_needed |= is_needed_by(&c->actions[i], q);
	if (is_needed)
		value_answer_fetch(ipc_asker_of(owner, m), q);
	else
		al_value_send(m->channel, m->id, &(struct al_value){.temporary = 1}, -1);
}

/* Of all the tables a listener may ask only those that hold its own names. */
static void
on_fetch_hostname(void *owner, struct ipc_message *m)
{
	const struct al_fetch *q = m->body;
	const struct conf *c = child_conf();
	bool is_named = false;

	for (size_t i = 0; i < c->listen_count; i++)
		is_named |= slice_equal(c->listens[i].hostnames, q->table);
	if (q->service == FETCH_ADDRNAME && is_named)
		value_answer_fetch(ipc_asker_of(owner, m), q);
	else
		channel_violation(m->channel, "table");
}

/* What a process may ask is what it needs for its own work. */
static const struct ipc_handler *
handlers_of(enum sandbox_role role)
{
	static const struct ipc_handler of_listener[] = {{&al_login_schema, on_login},
	    {&al_route_schema, on_route}, {&al_sender_schema, on_sender},
	    {&al_fetch_schema, on_fetch_hostname}, {NULL, NULL}};
	static const struct ipc_handler of_queue[] = {{&al_route_schema, on_route}, {NULL, NULL}};
	static const struct ipc_handler of_relay[] = {{&al_fetch_schema, on_fetch}, {NULL, NULL}};
	static const struct ipc_handler of_reader[] = {{&al_login_schema, on_login}, {NULL, NULL}};

	if (role == SANDBOX_LISTENER)
		return of_listener;
	if (role == SANDBOX_QUEUE)
		return of_queue;
	if (role == SANDBOX_RELAY)
		return of_relay;
	return role == SANDBOX_IMAPD || role == SANDBOX_POP3D ? of_reader : NULL;
}

void
server_peer(enum sandbox_role role, int instance, int instances, int fd)
{
	static const struct ipc_schema *const of_mailbox[] = {&lm_granted_schema, NULL};
	struct channel_options o = {
	    .peer = sandbox_title(role), .handlers = handlers_of(role), .down = on_down};
	struct channel **line = &lines[role][instance];

	if (role != SANDBOX_MAILBOX && o.handlers == NULL) {
		close(fd);
		return;
	}
	if (role == SANDBOX_MAILBOX) {
		o.answers = of_mailbox;
		mailboxes = instances;
	}
	close_line(line);
	o.owner = line;
	*line = channel_new(fd, &o);
}
