/*
 * Invariants:
 * 1. The unrouted envelope goes in the transaction that brings those in its place.
 * 2. Nobody is given those before they are on stable storage, and with them the report itself: after
 *    a crash the way is asked for again, and a mailbox that had stored one would not know the next.
 */
#include "queue/attempt/route.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/ipc/listener_queue.h"
#include "queue/attempt/attempt.h"
#include "queue/hold.h"
#include "queue/ids.h"

#include <unistd.h>

enum { ROUTE_SECONDS = 60 };

const struct ipc_schema *const queue_route_answers[] = {
    &al_recipient_schema, &al_route_is_schema, NULL};

/* A recipient that lookup named, until it has named all. */
struct route_recipient {
	struct store_envelope row;
	char *octets;
	struct queue_envelope *envelope; /* NEW until its row is durable */
};

struct queue_route {
	struct route_recipient *recipients;
	size_t count, capacity;
};

void
queue_route_free(struct queue_route *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->count; i++)
		free(r->recipients[i].octets);
	free(r->recipients);
	free(r);
}

static bool
add_recipient(struct queue_attempt *a, const struct al_recipient *m)
{
	struct queue_route *r = a->route;
	struct route_recipient *to;

	if (r == NULL)
		r = a->route = mem_zero(sizeof(*r));
	if (r->count == LIMIT_EXPANDED)
		return false;
	if (r->count == r->capacity) {
		r->capacity = r->capacity == 0 ? 1 : r->capacity * 2;
		r->recipients = mem_resize(r->recipients, r->capacity * sizeof(*r->recipients));
	}
	to = &r->recipients[r->count++];
	to->row = a->items[0].row;
	to->row.transport = m->transport;
	to->row.mailbox = m->mailbox;
	to->row.action = m->action;
	to->row.address = m->address;
	to->row.user = m->user;
	to->row.target = m->target;
	to->row.written = to->row.next_try = civil_now();
	to->octets = store_copy_envelope(&to->row);
	return true;
}

static enum db_result
write_recipients(struct queue_attempt *a, uint64_t first)
{
	enum db_result result = store_remove_envelope(queue.store, a->items[0].row.id);

	for (size_t i = 0; i < a->route->count && result == DB_DONE; i++) {
		a->route->recipients[i].row.id = first + i;
		result = store_add_envelope(queue.store, &a->route->recipients[i].row);
	}
	return result;
}

static void
add_envelopes(struct queue_attempt *a)
{
	for (size_t i = 0; i < a->route->count; i++) {
		struct route_recipient *to = &a->route->recipients[i];

		to->envelope = queue_envelope_new(
		    a->message, to->row.id, queue_destination_of(&to->row, to->row.mailbox));
		to->envelope->notify = to->row.notify & 15;
	}
}

/* What could not be made durable ends the process, and the next one begins from the disk. */
static void
on_durable(void *owner, bool ok)
{
	struct queue_route *r = owner;

	for (size_t i = 0; i < r->count && ok; i++)
		queue_envelope_begin(r->recipients[i].envelope, SPAN_MS(0));
	queue_route_free(r);
}

/* Puts the recipients in the place of the envelope; false when the disk did not take it. */
static bool
reroute(struct queue_attempt *a)
{
	struct commit *c = store_commit(queue.store);
	enum db_result result;

	if (!commit_save(c))
		return false;
	result = write_recipients(a, queue_ids_take((uint32_t)a->route->count));
	if (result == DB_DONE) {
		commit_keep(c);
		return true;
	}
	queue_undo();
	if (result != DB_FULL)
		queue_give_up("cannot write the way of a report down");
	return false;
}

static void
take_route(struct queue_attempt *a)
{
	struct queue_envelope *e = a->items[0].envelope;

	if (a->route == NULL || e->is_removed || e->hold != HOLD_NONE || !reroute(a)) {
		queue_attempt_outcome_all(
		    a, OUTCOME_TEMPORARY, SLICE("4.3.0"), SLICE("no way was found or kept"));
		queue_attempt_finish(a, DESTINATION_UP);
		return;
	}
	queue_attempt_answered(a);
	queue_destination_end(a->destination, a->generation, DESTINATION_UP, loop_now(), 0);
	add_envelopes(a);
	queue_envelope_move(e, ENVELOPE_DONE);
	queue_envelope_free(e);
	commit_wait(store_commit(queue.store), on_durable, a->route);
	a->route = NULL;
	queue_attempt_free(a);
}

static void
refuse(struct queue_attempt *a, enum outcome outcome, struct slice why)
{
	bool is_final = outcome == OUTCOME_PERMANENT;

	queue_attempt_outcome_all(a, outcome, is_final ? SLICE("5.1.1") : SLICE("4.3.0"), why);
	queue_attempt_finish(a, DESTINATION_UP);
}

/* An alias may say "error:451 …": that is for now. */
static enum al_route_result
result_of(const struct al_route_is *is)
{
	if (is->result == ROUTE_ERROR && is->reply.len > 0 && is->reply.data[0] == '4')
		return ROUTE_TEMPORARY;
	return (enum al_route_result)is->result;
}

static void
on_answer(void *owner, struct ipc_message *m)
{
	struct queue_attempt *a = owner;
	const struct al_route_is *is = m->body;

	if (m->schema == &al_recipient_schema) {
		if (!add_recipient(a, m->body))
			channel_violation(m->channel, "recipients");
		return;
	}
	if (m->schema != &al_route_is_schema) {
		channel_violation(m->channel, m->schema->name);
		return;
	}
	switch (result_of(is)) {
	case ROUTE_OK:
		take_route(a);
		return;
	case ROUTE_TEMPORARY:
		refuse(a, OUTCOME_TEMPORARY, SLICE("the way to the sender is not known now"));
		return;
	case ROUTE_UNKNOWN:
	case ROUTE_RELAY_DENIED:
	case ROUTE_REJECTED:
	case ROUTE_ERROR:
	case ROUTE_LOOP:
		refuse(a, OUTCOME_PERMANENT,
		    SLICE("the sender has no mailbox that mail could be sent to from here"));
		return;
	}
}

/* Takes fd: lookup does not see the report itself. */
static bool
send_question(const struct queue_attempt *a, const struct store_message *m, int fd)
{
	struct al_route route = {
	    .sender = m->sender, .recipient = a->items[0].row.address, .local = 1};

	if (fd >= 0)
		close(fd);
	return al_route_send(a->channel, a->request, &route, -1);
}

enum schedule_start
queue_route_start(struct queue_destination *d)
{
	struct queue_way way = {.channel = queue.lookup,
	    .most = 1,
	    .deadline = SPAN_SECONDS(ROUTE_SECONDS),
	    .answer = on_answer,
	    .send = send_question};

	return queue_attempt_start(d, &way);
}
