#include "pop3d/server.h"

#include "common/ipc/any_keyholder.h"
#include "common/ipc/any_lookup.h"
#include "common/ipc/any_mailbox.h"
#include "pop3d/session.h"

#include <unistd.h>

struct pop3_server pop3_server;

static void
on_down(void *owner)
{
	struct channel **c = owner;

	channel_close(*c);
	*c = NULL;
}

/* Its handles are gone with it: the sessions that had a maildrop there end. */
static void
on_mailbox_down(void *owner)
{
	struct channel **c = owner, *gone = *c;
	struct pop3_session *s, *next;

	*c = NULL;
	LIST_FOREACH_SAFE (s, &pop3_server.sessions, link, next) {
		if (s->mailbox == gone)
			pop3_session_lost(s);
	}
	channel_close(gone);
}

static void
connect_to(struct channel **c, int fd, const struct channel_options *o)
{
	if (*c != NULL)
		o->down(c);
	*c = channel_new(fd, o);
}

/* The store says that something changed; a maildrop stays as it was at login. */
static void
on_changed(void *owner, struct ipc_message *m)
{
}

/* Nobody waits any more for the account that mailbox has opened; left open, it would stay so. */
static void
on_late(void *owner, struct ipc_message *m)
{
	struct am_close close_it = {0};

	if (m->schema != &am_opened_schema)
		return;
	close_it.handle = ((const struct am_opened *)m->body)->handle;
	am_close_send(m->channel, 0, &close_it, -1);
}

void
pop3_server_peer(enum sandbox_role role, int instance, int instances, int fd)
{
	static const struct ipc_handler from_mailbox[] = {{&am_changed_schema, on_changed}, {NULL, NULL}};
	static const struct ipc_schema *const of_mailbox[] = {&am_opened_schema, &am_view_is_schema,
	    &am_keywords_schema, &am_messages_schema, &am_message_schema, &am_batch_schema, &am_ok_schema,
	    &am_no_schema, NULL};
	static const struct ipc_schema *const of_lookup[] = {&al_login_is_schema, NULL};
	static const struct ipc_schema *const of_keyholder[] = {&ak_signed_schema, NULL};
	struct channel_options o = {.peer = sandbox_title(role), .down = on_down};

	if (role == SANDBOX_MAILBOX && instance >= 0 && instance < POP3_MAILBOXES) {
		o.handlers = from_mailbox;
		o.answers = of_mailbox;
		o.down = on_mailbox_down;
		o.late = on_late;
		o.owner = &pop3_server.mailboxes[instance];
	} else if (role == SANDBOX_LOOKUP) {
		o.answers = of_lookup;
		o.owner = &pop3_server.lookup;
	} else if (role == SANDBOX_KEYHOLDER) {
		o.answers = of_keyholder;
		o.owner = &pop3_server.keyholder;
	} else {
		close(fd);
		return;
	}
	connect_to(o.owner, fd, &o);
}

static void
on_accepted(struct service *service, int fd, const struct netaddr *peer, const struct netaddr *local)
{
	pop3_session_start(service, fd, peer);
}

void
pop3_server_init(void)
{
	static const struct service_options o = {.protocol = "pop3",
	    .full = "-ERR [SYS/TEMP] too many connections from your address, try again later\r\n",
	    .keyholder = &pop3_server.keyholder, .accepted = on_accepted, .idle = child_exit};

	services_init(&o);
}

bool
pop3_server_start(const struct conf *c, struct error *why)
{
	services_apply(c);
	return true;
}

void
pop3_server_drain(void)
{
	struct pop3_session *s, *next;

	LIST_FOREACH_SAFE (s, &pop3_server.sessions, link, next)
		pop3_session_shut(s, "the server is shutting down, try again later");
	services_drain();
}

void
pop3_server_control(struct control *order, struct slice verb, struct slice arguments, bool json)
{
	if (!slice_equal_text(verb, "show status")) {
		control_done(order, 1, "pop3d does not know this order");
		return;
	}
	if (json)
		control_line(order, "{\"process\":\"pop3d\",\"sessions\":%zu}", services_sessions());
	else
		control_line(order, "pop3d: %zu sessions", services_sessions());
	control_done(order, 0, "");
}
