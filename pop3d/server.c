#include "pop3d/server.h"

#include "common/ipc/any_keyholder.h"
#include "common/ipc/any_lookup.h"
#include "common/ipc/any_mailbox.h"
#include "pop3d/session.h"

struct pop3_server pop3_server;

/* Its handles are gone with it: the sessions that had a maildrop there end. */
static void
on_mailbox_down(struct channel **place, struct channel *gone)
{
	struct pop3_session *s, *next;

	LIST_FOREACH_SAFE (s, &pop3_server.sessions, link, next) {
		if (s->mailbox == gone)
			pop3_session_lost(s);
	}
}

/* The store says that something changed; a maildrop stays as it was at login. */
static void
on_changed(void *owner, struct ipc_message *m)
{
}

static const struct ipc_handler from_mailbox[] = {{&am_changed_schema, on_changed}, {NULL, NULL}};
static const struct ipc_schema *const of_mailbox[] = {&am_opened_schema, &am_view_is_schema,
    &am_keywords_schema, &am_messages_schema, &am_message_schema, &am_batch_schema, &am_ok_schema,
    &am_no_schema, NULL};
static const struct ipc_schema *const of_lookup[] = {&al_login_is_schema, NULL};
static const struct ipc_schema *const of_keyholder[] = {&ak_signed_schema, NULL};

/* clang-format off */
const struct neighbour pop3_neighbours[] = {
	{.role = SANDBOX_LOOKUP, .lines = &pop3_server.lookup, .answers = of_lookup},
	{.role = SANDBOX_KEYHOLDER, .lines = &pop3_server.keyholder, .answers = of_keyholder},
	{.role = SANDBOX_MAILBOX, .lines = pop3_server.mailboxes, .most = LIMIT_INSTANCES,
	    .handlers = from_mailbox, .answers = of_mailbox,
	    .late = any_mailbox_late, .down = on_mailbox_down},
	{0}
};
/* clang-format on */

static void
on_accepted(
    struct service *service, int fd, const struct netaddr *peer, const struct netaddr *local)
{
	pop3_session_start(service, fd, peer);
}

void
pop3_server_init(void)
{
	static const struct service_options o = {.protocol = "pop3",
	    .full = "-ERR [SYS/TEMP] too many connections from your address, try again later\r\n",
	    .keyholder = &pop3_server.keyholder,
	    .accepted = on_accepted,
	    .idle = child_exit};

	services_init(&o);
}

void
pop3_server_drain(void)
{
	struct pop3_session *s, *next;

	LIST_FOREACH_SAFE (s, &pop3_server.sessions, link, next)
		pop3_session_shut(s, "the server is shutting down, try again later");
	services_drain();
}
