/*
 * queue: takes mail over, keeps it, and sees to it that the recipient gets it or the sender hears
 * why not. The queue's folder is its alone; the way out is others' work.
 */
#include "common/base/log.h"
#include "common/net/loop.h"
#include "queue/attempt/deliver.h"
#include "queue/attempt/route.h"
#include "queue/attempt/settle.h"
#include "queue/attempt/transfer.h"
#include "queue/control/control.h"
#include "queue/ids.h"
#include "queue/neighbours.h"
#include "queue/receive/receive.h"
#include "queue/recover.h"
#include "queue/space.h"
#include "queue/store/spool.h"

enum { SWEEP_SECONDS = 30, DRAIN_SECONDS = 5, DRAIN_LOOK_MS = 20 };

static struct timer sweep_timer, drain_timer;
static struct moment drain_end;

static enum schedule_start
start_attempt(struct queue_destination *d)
{
	if (queue.is_draining)
		return START_BLOCKED;
	switch (d->transport) {
	case TRANSPORT_MAILBOX:
		return queue_deliver_to_mailbox(d);
	case TRANSPORT_RELAY:
		return queue_transfer_start(d);
	case TRANSPORT_AGENT:
		return queue_deliver_by_agent(d);
	default:
		return queue_route_start(d);
	}
}

static void
unblock_all(void)
{
	for (int i = 0; i < TRANSPORT_COUNT; i++)
		queue_schedule_unblock((uint8_t)i);
}

static void
on_space_changed(void)
{
	queue_receive_tell();
	unblock_all();
}

static void
on_sweep(void *owner)
{
	queue_destinations_sweep(loop_now());
	timer_start(&sweep_timer, SPAN_SECONDS(SWEEP_SECONDS));
}

/* Whether the configuration has the destination's action, and for this transport. */
static void
look_up_action(struct queue_destination *d)
{
	const struct conf_action *a = conf_find_action(child_conf(), slice_of(d->action));

	d->ttl = a == NULL ? 0 : a->ttl;
	d->has_action =
	    d->transport == TRANSPORT_UNROUTED ||
	    (a != NULL && (d->transport != TRANSPORT_MAILBOX || a->method == METHOD_MAILBOX) &&
		(d->transport != TRANSPORT_RELAY || a->method == METHOD_RELAY));
}

/* What is READY goes back into the schedule, where its age is looked at; what came back may go. */
static void
look_up_again(struct queue_destination *d)
{
	bool had_action = d->has_action;
	struct queue_envelope *e;

	look_up_action(d);
	if (had_action == d->has_action)
		return;
	log_event(NULL, EV_queue_action, WORD("action", d->action), NUM("envelopes", d->envelopes),
	    WORD("configured", d->has_action ? "yes" : "no"));
	if (!d->has_action) {
		while ((e = TAILQ_FIRST(&d->lists[ENVELOPE_READY])) != NULL)
			queue_schedule_add(e, SPAN_MS(1));
		return;
	}
	while ((e = TAILQ_FIRST(&d->lists[ENVELOPE_WAITING])) != NULL)
		queue_schedule_add(e, SPAN_MS(0));
}

static void
take_conf(const struct conf *c)
{
	expire_rules_init(&queue.rules, c->global.queue_ttl, c->global.warn_intervals);
	slice_copy(c->global.hostname, queue.hostname, sizeof(queue.hostname));
	queue_schedule_set_deferred(c->global.mta_max_deferred);
}

static void
apply(const struct conf *c)
{
	struct hash_walk walk = {0};
	struct queue_destination *d;

	take_conf(c);
	while (queue_destination_next(&walk, &d))
		look_up_again(d);
}

/* Nothing is put in order: the next run begins from the disk, as after a crash. */
static void
end(void)
{
	queue_control_fini();
	neighbours_close();
	child_exit();
}

/* What is on disk is the truth: whoever waits is refused, and the next run begins from there. */
static void
on_broken(void *owner)
{
	queue_give_up("the database does not take a change");
}

static bool
prepare(const struct conf *c, struct sandbox_paths *paths, struct error *why)
{
	static const char *folders[2];

	folders[0] = c->global.queue_path.data;
	paths->rw = folders;
	return true;
}

static bool
start(const struct conf *c, struct error *why)
{
	static const struct schedule_calls calls = {start_attempt, queue_settle_age};
	const char *folder = c->global.queue_path.data;

	queue.parent = child_parent();
	queue.mailbox_count = child_mailboxes();
	queue.give_up = end;
	queue_messages_init();
	queue_destinations_init(look_up_action);
	queue_schedule_init(&calls);
	take_conf(c);
	queue.store = store_open(folder, on_broken, why);
	if (queue.store == NULL || !spool_open(folder, why))
		return false;
	if (!queue_ids_init(queue.store))
		return error_set(
		    why, "the queue's database cannot be written: %s", store_failure(queue.store));
	queue_control_init();
	queue_space_init(folder, on_space_changed);
	timer_init(&sweep_timer, on_sweep, NULL);
	on_sweep(NULL);
	queue_recover_start();
	return true;
}

static void
on_drain(void *owner)
{
	size_t n = queue_receive_is_busy() ? 1 : 0;

	for (int i = 0; i < TRANSPORT_COUNT; i++)
		n += queue_schedule_in_flight((uint8_t)i);
	if (n == 0 || moment_reached(drain_end, loop_now()))
		end();
	else
		timer_start(&drain_timer, SPAN_MS(DRAIN_LOOK_MS));
}

/* What is in flight may land; nothing new takes off. */
static void
drain(void)
{
	queue.is_draining = true;
	drain_end = moment_after(loop_now(), SPAN_SECONDS(DRAIN_SECONDS));
	timer_init(&drain_timer, on_drain, NULL);
	on_drain(NULL);
}

int
main(int argc, char **argv)
{
	static const struct child self = {
	    .name = "queue",
	    .role = SANDBOX_QUEUE,
	    .prepare = prepare,
	    .start = start,
	    .apply = apply,
	    .neighbours = queue_neighbours,
	    .control = queue_control,
	    .drain = drain,
	    .answers = queue_agent_answers,
	};

	int code = child_main(argc, argv, &self);

	store_close(queue.store);
	return code;
}
