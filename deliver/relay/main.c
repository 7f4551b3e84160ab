/*
 * relay: brings messages to other servers. It holds connections and, for a moment, a smarthost's
 * password; the messages come from queue, one at a time, and every outcome goes back there.
 */
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/conf/status.h"
#include "common/ipc/any_lookup.h"
#include "common/ipc/any_resolver.h"
#include "deliver/relay/hanging.h"
#include "deliver/relay/pool.h"
#include "deliver/relay/server.h"
#include "deliver/relay/session.h"
#include "deliver/relay/tls_clients.h"

#include <unistd.h>

/* Less than queue waits for outcomes when it drains. */
enum { DRAIN_SECONDS = 4, DRAIN_LOOK_MS = 20 };

struct relay_server relay_server;

/* Transfers whose body has not come yet, by request id. */
static struct hash coming;

static void
on_transfer(void *owner, struct ipc_message *m)
{
	struct relay_transfer *old =
	    hash_add(&coming, HASH_NUMBER(m->id), relay_transfer_new(m->channel, m->id, m->body));

	if (old != NULL) {
		relay_transfer_end(old);
		channel_violation(m->channel, "request id");
	}
}

static void
on_rcpt(void *owner, struct ipc_message *m)
{
	struct relay_transfer *t = hash_find(&coming, HASH_NUMBER(m->id));

	if (t == NULL || !relay_transfer_add(t, m->body))
		channel_violation(m->channel, "rcpts");
}

static void
on_body(void *owner, struct ipc_message *m)
{
	struct relay_transfer *t = hash_remove(&coming, HASH_NUMBER(m->id));

	if (t == NULL) {
		if (m->fd >= 0)
			close(m->fd);
		channel_violation(m->channel, "request id");
	} else if (!relay_transfer_start(t, ((const struct qr_body *)m->body)->octets, m->fd)) {
		relay_transfer_end(t);
		channel_violation(m->channel, "size");
	}
}

static void
forget_coming(void)
{
	struct hash_walk walk = {0};
	struct slice key;
	void *value;

	while (hash_next(&coming, &walk, &key, &value))
		relay_transfer_end(value);
	hash_fini(&coming);
}

static void
on_queue_down(struct channel **place, struct channel *gone)
{
	relay_transfers_forget(gone);
	forget_coming();
}

static const struct ipc_handler from_queue[] = {{&qr_transfer_schema, on_transfer},
    {&qr_rcpt_schema, on_rcpt}, {&qr_body_schema, on_body}, {NULL, NULL}};
static const struct ipc_schema *const of_lookup[] = {&al_value_schema, NULL};
static const struct ipc_schema *const of_resolver[] = {&ar_host_schema, &ar_done_schema, NULL};

/* clang-format off */
static const struct neighbour neighbours[] = {
	{.role = SANDBOX_QUEUE, .lines = &relay_server.queue, .handlers = from_queue, .down = on_queue_down},
	{.role = SANDBOX_LOOKUP, .lines = &relay_server.lookup, .answers = of_lookup},
	{.role = SANDBOX_RESOLVER, .lines = &relay_server.resolver, .answers = of_resolver},
	{0}
};
/* clang-format on */

static bool
prepare(const struct conf *c, struct sandbox_paths *paths, struct error *why)
{
	return relay_tls_init(why);
}

static bool
start(const struct conf *c, struct error *why)
{
	return true;
}

/* The old clients show into the old configuration, and what is kept was made by its rules. */
static void
on_apply(const struct conf *c)
{
	relay_pool_drain();
	relay_hanging_forget();
	relay_tls_forget();
}

static struct timer drain_timer;
static struct moment drain_end;

static void
look_drained(void *owner)
{
	if (relay_sessions_sending() > 0 && !moment_reached(drain_end, loop_now())) {
		timer_start(&drain_timer, SPAN_MS(DRAIN_LOOK_MS));
		return;
	}
	relay_tls_forget();
	child_exit();
}

/* A message that is on its way may arrive; who hung up now would send it twice. */
static void
on_drain(void)
{
	relay_pool_drain();
	drain_end = moment_after(loop_now(), SPAN_SECONDS(DRAIN_SECONDS));
	timer_init(&drain_timer, look_drained, NULL);
	look_drained(NULL);
}

static void
on_control(struct control *order, struct slice verb, struct slice arguments, bool json)
{
	const struct status_count counts[] = {
	    {"sessions", "session", "sessions", relay_sessions()},
	};

	status_control(order, verb, json, counts, sizeof(counts) / sizeof(counts[0]));
}

int
main(int argc, char **argv)
{
	static const struct child relay = {
	    .name = "relay",
	    .role = SANDBOX_RELAY,
	    .prepare = prepare,
	    .start = start,
	    .apply = on_apply,
	    .neighbours = neighbours,
	    .control = on_control,
	    .drain = on_drain,
	};

	return child_main(argc, argv, &relay);
}
