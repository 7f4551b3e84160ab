#include "queue/peers.h"

#include "queue/deliver.h"
#include "queue/queue.h"
#include "queue/receive.h"
#include "queue/route.h"
#include "queue/schedule.h"
#include "queue/transfer.h"

#include <unistd.h>

enum { EARLY = 256 };

/* Lines that came before there was a store. */
static struct {
	enum sandbox_role role;
	int instance, fd;
} early[EARLY];
static size_t early_count;
static bool started;

static void
on_down(void *owner)
{
	struct channel **c = owner, *old = *c;

	*c = NULL;
	channel_close(old);
}

static void
connect_to(struct channel **c, int fd, const char *peer, const struct ipc_schema *const *answers,
    uint8_t transport)
{
	struct channel_options o = {.peer = peer, .answers = answers, .down = on_down, .owner = c};

	if (*c != NULL)
		on_down(c);
	*c = channel_new(fd, &o);
	queue_schedule_unblock(transport);
}

static void
take(enum sandbox_role role, int instance, int fd)
{
	if (role == SANDBOX_LISTENER)
		queue_receive_peer(instance, fd);
	else if (role == SANDBOX_RELAY)
		connect_to(
		    &queue.relays[instance], fd, "relay", queue_transfer_answers, TRANSPORT_RELAY);
	else if (role == SANDBOX_MAILBOX)
		connect_to(&queue.mailboxes[instance], fd, "mailbox", queue_mailbox_answers,
		    TRANSPORT_MAILBOX);
	else if (role == SANDBOX_LOOKUP)
		connect_to(&queue.lookup, fd, "lookup", queue_route_answers, TRANSPORT_UNROUTED);
	else
		close(fd);
}

void
queue_peer(enum sandbox_role role, int instance, int instances, int fd)
{
	if (role == SANDBOX_MAILBOX)
		queue.mailbox_count = instances;
	if (started && instance < QUEUE_PEERS) {
		take(role, instance, fd);
	} else if (!started && early_count < EARLY && instance < QUEUE_PEERS) {
		early[early_count].role = role;
		early[early_count].instance = instance;
		early[early_count++].fd = fd;
	} else {
		close(fd);
	}
}

void
queue_peers_start(void)
{
	started = true;
	for (size_t i = 0; i < early_count; i++)
		take(early[i].role, early[i].instance, early[i].fd);
	early_count = 0;
}

void
queue_peers_close(void)
{
	if (queue.lookup != NULL)
		on_down(&queue.lookup);
	for (int i = 0; i < QUEUE_PEERS; i++) {
		if (queue.relays[i] != NULL)
			on_down(&queue.relays[i]);
		if (queue.mailboxes[i] != NULL)
			on_down(&queue.mailboxes[i]);
	}
}
