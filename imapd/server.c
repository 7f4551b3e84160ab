#include "imapd/server.h"

#include "common/ipc/any_keyholder.h"
#include "common/ipc/any_lookup.h"
#include "common/ipc/any_mailbox.h"
#include "imapd/session.h"

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

/* Its handles are gone with it: the sessions that had an account there end. */
static void
on_mailbox_down(struct channel **place, struct channel *gone)
{
	struct imap_session *s, *next;

	LIST_FOREACH_SAFE (s, &imap_server.sessions, link, next) {
		if (s->mailbox == gone)
			imap_session_lost(s);
	}
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

static const struct ipc_handler from_mailbox[] = {{&am_changed_schema, on_changed}, {NULL, NULL}};
static const struct ipc_schema *const of_mailbox[] = {&am_opened_schema, &am_mailbox_schema,
    &am_status_is_schema, &am_view_is_schema, &am_keywords_schema, &am_messages_schema,
    &am_gone_schema, &am_message_schema, &am_batch_schema, &am_found_schema, &am_spooled_schema,
    &am_appended_schema, &am_copied_schema, &am_ok_schema, &am_no_schema, NULL};
static const struct ipc_schema *const of_lookup[] = {&al_login_is_schema, NULL};
static const struct ipc_schema *const of_keyholder[] = {&ak_signed_schema, NULL};

/* clang-format off */
const struct neighbour imap_neighbours[] = {
	{.role = SANDBOX_LOOKUP, .lines = &imap_server.lookup, .answers = of_lookup},
	{.role = SANDBOX_KEYHOLDER, .lines = &imap_server.keyholder, .answers = of_keyholder},
	{.role = SANDBOX_MAILBOX, .lines = imap_server.mailboxes, .most = LIMIT_INSTANCES,
	    .handlers = from_mailbox, .answers = of_mailbox,
	    .late = any_mailbox_late, .down = on_mailbox_down},
	{0}
};
/* clang-format on */

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

void
imap_server_drain(void)
{
	struct imap_session *s, *next;

	LIST_FOREACH_SAFE (s, &imap_server.sessions, link, next)
		imap_session_shut(s, "the server is shutting down, try again later");
	services_drain();
}
