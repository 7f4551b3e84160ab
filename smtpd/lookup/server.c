#include "smtpd/lookup/server.h"

#include "common/conf/child.h"
#include "common/ipc/any_lookup.h"
#include "common/ipc/lookup_mailbox.h"
#include "smtpd/lookup/login.h"
#include "smtpd/lookup/route.h"
#include "smtpd/lookup/value.h"

static struct {
	struct channel *listeners[LIMIT_INSTANCES], *queue, *relays[LIMIT_INSTANCES],
	    *imapds[LIMIT_INSTANCES], *pop3ds[LIMIT_INSTANCES], *mailboxes[LIMIT_INSTANCES];
} server;

uint8_t
server_mailbox_of(struct slice account)
{
	return conf_mailbox_of(account, child_mailboxes());
}

struct channel *
server_mailbox(uint8_t instance)
{
	return server.mailboxes[instance % LIMIT_INSTANCES];
}

void
server_forget_verdicts(void)
{
	for (size_t i = 0; i < LIMIT_INSTANCES; i++) {
		if (server.listeners[i] != NULL)
			al_forget_send(server.listeners[i], 0, &(struct al_forget){0}, -1);
	}
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
	}
	return false;
}

/* Whoever asks for a table that is none of his may do so by a configuration that was. */
static void
refuse_table(const struct ipc_message *m)
{
	al_value_send(m->channel, m->id, &(struct al_value){.temporary = 1}, -1);
}

/* Relay may ask the tables that actions name, and for what they name them: others may hold users'
 * passwords. */
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
		refuse_table(m);
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
	if (q->service != FETCH_ADDRNAME)
		channel_violation(m->channel, "service");
	else if (is_named)
		value_answer_fetch(ipc_asker_of(owner, m), q);
	else
		refuse_table(m);
}

/* What a process may ask is what it needs for its own work. */
static const struct ipc_handler from_listener[] = {{&al_login_schema, on_login},
    {&al_route_schema, on_route}, {&al_sender_schema, on_sender},
    {&al_fetch_schema, on_fetch_hostname}, {NULL, NULL}};
static const struct ipc_handler from_queue[] = {{&al_route_schema, on_route}, {NULL, NULL}};
static const struct ipc_handler from_relay[] = {{&al_fetch_schema, on_fetch}, {NULL, NULL}};
static const struct ipc_handler from_reader[] = {{&al_login_schema, on_login}, {NULL, NULL}};
static const struct ipc_schema *const of_mailbox[] = {&lm_granted_schema, NULL};

/* clang-format off */
const struct neighbour server_neighbours[] = {
	{.role = SANDBOX_LISTENER, .lines = server.listeners, .most = LIMIT_INSTANCES, .handlers = from_listener},
	{.role = SANDBOX_QUEUE, .lines = &server.queue, .handlers = from_queue},
	{.role = SANDBOX_RELAY, .lines = server.relays, .most = LIMIT_INSTANCES, .handlers = from_relay},
	{.role = SANDBOX_IMAPD, .lines = server.imapds, .most = LIMIT_INSTANCES, .handlers = from_reader},
	{.role = SANDBOX_POP3D, .lines = server.pop3ds, .most = LIMIT_INSTANCES, .handlers = from_reader},
	{.role = SANDBOX_MAILBOX, .lines = server.mailboxes, .most = LIMIT_INSTANCES,
	    .answers = of_mailbox},
	{0}
};
/* clang-format on */
