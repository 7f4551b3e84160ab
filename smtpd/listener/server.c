#include "smtpd/listener/server.h"

#include "common/base/id.h"
#include "common/base/log.h"
#include "common/ipc/any_keyholder.h"
#include "common/ipc/any_lookup.h"
#include "common/ipc/any_resolver.h"
#include "common/ipc/listener_queue.h"
#include "smtpd/listener/session.h"
#include "smtpd/listener/verdict.h"

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
on_forget(void *owner, struct ipc_message *m)
{
	smtp_verdict_forget_all();
}

/* The next one may know more. */
static void
on_lookup_down(struct channel **place, struct channel *gone)
{
	smtp_verdict_forget_all();
}

/* Its ids are good for nothing now, nor are the files that it gave. */
static void
on_queue_down(struct channel **place, struct channel *gone)
{
	struct smtp_session *s;

	smtp_server.ids_left = 0;
	LIST_FOREACH (s, &smtp_server.sessions, link) {
		if (s->transaction != NULL)
			smtp_message_lose_spool(&s->transaction->message);
	}
}

/* A spool file that was asked for too long ago: nobody will write into it. */
static void
on_queue_late(void *place, struct ipc_message *m)
{
	if (m->schema == &lq_spooled_schema) {
		struct lq_drop drop = {.spool = ((const struct lq_spooled *)m->body)->spool};

		lq_drop_send(m->channel, 0, &drop, -1);
	}
}

static const struct ipc_handler from_queue[] = {
    {&lq_ids_schema, on_ids}, {&lq_state_schema, on_state}, {NULL, NULL}};
static const struct ipc_handler from_lookup[] = {{&al_forget_schema, on_forget}, {NULL, NULL}};
static const struct ipc_schema *const of_queue[] = {
    &lq_stored_schema, &lq_refused_schema, &lq_spooled_schema, NULL};
static const struct ipc_schema *const of_lookup[] = {&al_login_is_schema, &al_recipient_schema,
    &al_route_is_schema, &al_sender_is_schema, &al_value_schema, NULL};
static const struct ipc_schema *const of_resolver[] = {&ar_name_schema, NULL};
static const struct ipc_schema *const of_keyholder[] = {&ak_signed_schema, NULL};

/* clang-format off */
const struct neighbour smtp_neighbours[] = {
	{.role = SANDBOX_QUEUE, .lines = &smtp_server.queue,
	    .handlers = from_queue, .answers = of_queue, .late = on_queue_late, .down = on_queue_down},
	{.role = SANDBOX_LOOKUP, .lines = &smtp_server.lookup,
	    .handlers = from_lookup, .answers = of_lookup, .down = on_lookup_down},
	{.role = SANDBOX_RESOLVER, .lines = &smtp_server.resolver, .answers = of_resolver},
	{.role = SANDBOX_KEYHOLDER, .lines = &smtp_server.keyholder, .answers = of_keyholder},
	{0}
};
/* clang-format on */

static void
on_accepted(
    struct service *service, int fd, const struct netaddr *peer, const struct netaddr *local)
{
	smtp_session_start(service, fd, peer, local);
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
