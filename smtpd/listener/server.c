#include "smtpd/listener/server.h"

#include "common/base/id.h"
#include "common/base/log.h"
#include "common/conf/status.h"
#include "common/ipc/any_keyholder.h"
#include "common/ipc/any_lookup.h"
#include "common/ipc/any_resolver.h"
#include "common/ipc/listener_queue.h"
#include "smtpd/listener/session.h"

#include <unistd.h>

enum { IDS_LOW = 1024 };

struct smtp_server smtp_server;

static void
on_ids(void *owner, struct ipc_message *m)
{
	const struct lq_ids *ids = m->body;

	smtp_server.next_id = ids->first;
	smtp_server.ids_left = ids->count;
}

static void
on_state(void *owner, struct ipc_message *m)
{
	const struct lq_state *state = m->body;

	smtp_server.closed_code = state->code;
	slice_copy(state->text, smtp_server.closed_text, sizeof(smtp_server.closed_text));
}

uint64_t
smtp_server_message_id(void)
{
	if (smtp_server.ids_left == 0)
		return 0;
	if (--smtp_server.ids_left == IDS_LOW)
		lq_more_send(smtp_server.queue, 0, &(struct lq_more){0}, -1);
	return smtp_server.next_id++;
}

static void
lose_spools(void)
{
	struct smtp_session *s;

	LIST_FOREACH (s, &smtp_server.sessions, link) {
		if (s->transaction != NULL)
			smtp_transaction_lose_spool(s->transaction);
	}
}

static void
on_down(void *owner)
{
	struct channel **c = owner;

	if (c == &smtp_server.queue) {
		smtp_server.ids_left = 0;
		lose_spools();
	}
	channel_close(*c);
	*c = NULL;
}

/* A spool file that was asked for too long ago: nobody will write into it. */
static void
on_late(void *owner, struct ipc_message *m)
{
	if (m->schema == &lq_spooled_schema) {
		struct lq_drop drop = {.spool = ((const struct lq_spooled *)m->body)->spool};

		lq_drop_send(m->channel, 0, &drop, -1);
	}
}

static void
connect_to(struct channel **c, int fd, const char *peer, const struct ipc_handler *handlers,
    const struct ipc_schema *const *answers)
{
	struct channel_options o = {
	    .peer = peer, .handlers = handlers, .answers = answers, .down = on_down, .owner = c};

	if (c == &smtp_server.queue)
		o.late = on_late;
	if (*c != NULL)
		on_down(c);
	*c = channel_new(fd, &o);
}

void
smtp_server_peer(enum sandbox_role role, int instance, int instances, int fd)
{
	static const struct ipc_handler from_queue[] = {
	    {&lq_ids_schema, on_ids}, {&lq_state_schema, on_state}, {NULL, NULL}};
	static const struct ipc_schema *const of_queue[] = {
	    &lq_stored_schema, &lq_refused_schema, &lq_spooled_schema, NULL};
	static const struct ipc_schema *const of_lookup[] = {&al_login_is_schema,
	    &al_recipient_schema, &al_route_is_schema, &al_sender_is_schema, &al_value_schema,
	    NULL};
	static const struct ipc_schema *const of_resolver[] = {&ar_name_schema, NULL};
	static const struct ipc_schema *const of_keyholder[] = {&ak_signed_schema, NULL};

	if (role == SANDBOX_QUEUE)
		connect_to(&smtp_server.queue, fd, "queue", from_queue, of_queue);
	else if (role == SANDBOX_LOOKUP)
		connect_to(&smtp_server.lookup, fd, "lookup", NULL, of_lookup);
	else if (role == SANDBOX_RESOLVER)
		connect_to(&smtp_server.resolver, fd, "resolver", NULL, of_resolver);
	else if (role == SANDBOX_KEYHOLDER)
		connect_to(&smtp_server.keyholder, fd, "keyholder", NULL, of_keyholder);
	else
		close(fd);
}

static void
on_accepted(
    struct service *service, int fd, const struct netaddr *peer, const struct netaddr *local)
{
	smtp_session_start(service, fd, peer, local);
}

bool
smtp_server_start(const struct conf *c, struct error *why)
{
	services_apply(c);
	return true;
}

void
smtp_server_init(void)
{
	static const struct service_options o = {.protocol = "smtp",
	    .full = "421 4.7.0 too many connections from your address, try again later\r\n",
	    .keyholder = &smtp_server.keyholder,
	    .accepted = on_accepted,
	    .idle = child_exit};

	services_init(&o);
}

/* Sessions between two transactions end at once; the others when theirs is done. */
void
smtp_server_drain(void)
{
	struct smtp_session *s, *next;

	smtp_server.is_draining = true;
	LIST_FOREACH_SAFE (s, &smtp_server.sessions, link, next) {
		if (s->base.state == SMTP_COMMAND && s->transaction == NULL) {
			smtp_session_shut(
			    s, "4.3.2", "the server is shutting down, try again later");
			session_step(&s->base);
		}
	}
	services_drain();
}

void
smtp_server_control(struct control *order, struct slice verb, struct slice arguments, bool json)
{
	const struct status_count counts[] = {
	    {"sessions", "session", "sessions", services_sessions()},
	};

	status_control(order, verb, json, "listener", counts, sizeof(counts) / sizeof(counts[0]));
}
