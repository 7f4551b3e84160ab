#include "imapd/server.h"

#include "common/ipc/any_keyholder.h"
#include "common/ipc/any_lookup.h"
#include "common/ipc/any_mailbox.h"
#include "imapd/session.h"

#include <unistd.h>

struct imap_server imap_server;

static uint64_t
key_of(int instance, uint32_t handle)
{
	return (uint64_t)(uint32_t)instance << 32 | handle;
}

void
imap_server_enter(int instance, uint32_t handle, struct imap_session *s)
{
	uint64_t key = key_of(instance, handle);

	hash_add(&imap_server.handles, HASH_NUMBER(key), s);
}

void
imap_server_leave(int instance, uint32_t handle)
{
	uint64_t key = key_of(instance, handle);

	hash_remove(&imap_server.handles, HASH_NUMBER(key));
}

static void
on_down(void *owner)
{
	struct channel **c = owner;

	channel_close(*c);
	*c = NULL;
}

/* Its handles are gone with it: the sessions that had an account there end. */
static void
on_mailbox_down(void *owner)
{
	struct channel **c = owner, *gone = *c;
	struct imap_session *s, *next;

	*c = NULL;
	LIST_FOREACH_SAFE (s, &imap_server.sessions, link, next) {
		if (s->mailbox == gone)
			imap_session_lost(s);
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

static void
on_changed(void *owner, struct ipc_message *m)
{
	struct channel **c = owner;
	const struct am_changed *changed = m->body;
	uint64_t key = key_of((int)(c - imap_server.mailboxes), changed->handle);
	struct imap_session *s = hash_find(&imap_server.handles, HASH_NUMBER(key));

	/* A handle that was just closed may still be spoken of. */
	if (s != NULL)
		imap_session_changed(s, changed->modseq, changed->removed);
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
imap_server_peer(enum sandbox_role role, int instance, int instances, int fd)
{
	static const struct ipc_handler from_mailbox[] = {
	    {&am_changed_schema, on_changed}, {NULL, NULL}};
	static const struct ipc_schema *const of_mailbox[] = {&am_opened_schema, &am_mailbox_schema,
	    &am_status_is_schema, &am_view_is_schema, &am_keywords_schema, &am_messages_schema,
	    &am_gone_schema, &am_message_schema, &am_batch_schema, &am_found_schema,
	    &am_spooled_schema, &am_appended_schema, &am_copied_schema, &am_ok_schema,
	    &am_no_schema, NULL};
	static const struct ipc_schema *const of_lookup[] = {&al_login_is_schema, NULL};
	static const struct ipc_schema *const of_keyholder[] = {&ak_signed_schema, NULL};
	struct channel_options o = {.peer = sandbox_title(role), .down = on_down};

	if (role == SANDBOX_MAILBOX && instance >= 0 && instance < IMAP_MAILBOXES) {
		o.handlers = from_mailbox;
		o.answers = of_mailbox;
		o.down = on_mailbox_down;
		o.late = on_late;
		o.owner = &imap_server.mailboxes[instance];
	} else if (role == SANDBOX_LOOKUP) {
		o.answers = of_lookup;
		o.owner = &imap_server.lookup;
	} else if (role == SANDBOX_KEYHOLDER) {
		o.answers = of_keyholder;
		o.owner = &imap_server.keyholder;
	} else {
		close(fd);
		return;
	}
	connect_to(o.owner, fd, &o);
}

static void
on_accepted(
    struct service *service, int fd, const struct netaddr *peer, const struct netaddr *local)
{
	imap_session_start(service, fd, peer);
}

void
imap_server_init(void)
{
	static const struct service_options o = {.protocol = "imap",
	    .full = "* BYE [LIMIT] too many connections from your address, try again later\r\n",
	    .keyholder = &imap_server.keyholder,
	    .accepted = on_accepted,
	    .idle = child_exit};

	hash_init(&imap_server.handles);
	services_init(&o);
}

bool
imap_server_start(const struct conf *c, struct error *why)
{
	services_apply(c);
	return true;
}

void
imap_server_drain(void)
{
	struct imap_session *s, *next;

	LIST_FOREACH_SAFE (s, &imap_server.sessions, link, next)
		imap_session_shut(s, "the server is shutting down, try again later");
	services_drain();
}

void
imap_server_control(struct control *order, struct slice verb, struct slice arguments, bool json)
{
	if (!slice_equal_text(verb, "show status")) {
		control_done(order, 1, "imapd does not know this order");
		return;
	}
	if (json)
		control_line(
		    order, "{\"process\":\"imapd\",\"sessions\":%zu}", services_sessions());
	else
		control_line(order, "imapd: %zu sessions", services_sessions());
	control_done(order, 0, "");
}
