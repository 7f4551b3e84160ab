#include "queue/neighbours.h"

#include "queue/attempt/deliver.h"
#include "queue/attempt/route.h"
#include "queue/attempt/transfer.h"
#include "queue/queue.h"
#include "queue/receive/receive.h"
#include "queue/schedule/schedule.h"

static void
on_lookup_up(struct channel **place)
{
	queue_schedule_unblock(TRANSPORT_UNROUTED);
}

static void
on_relay_up(struct channel **place)
{
	queue_schedule_unblock(TRANSPORT_RELAY);
}

static void
on_mailbox_up(struct channel **place)
{
	queue_schedule_unblock(TRANSPORT_MAILBOX);
}

/* clang-format off */
const struct neighbour queue_neighbours[] = {
	{.role = SANDBOX_LISTENER, .lines = queue.listeners, .most = LIMIT_INSTANCES,
	    .handlers = queue_receive_handlers, .up = queue_receive_up, .down = queue_receive_down},
	{.role = SANDBOX_LOOKUP, .lines = &queue.lookup, .answers = queue_route_answers, .up = on_lookup_up},
	{.role = SANDBOX_RELAY, .lines = queue.relays, .most = LIMIT_INSTANCES,
	    .answers = queue_transfer_answers, .up = on_relay_up},
	{.role = SANDBOX_MAILBOX, .lines = queue.mailboxes, .most = LIMIT_INSTANCES,
	    .answers = queue_mailbox_answers, .up = on_mailbox_up},
	{0}
};
/* clang-format on */
