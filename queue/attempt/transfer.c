#include "queue/attempt/transfer.h"

#include "common/ipc/listener_queue.h"
#include "common/ipc/queue_relay.h"
#include "queue/attempt/attempt.h"

#include <unistd.h>

enum { TRANSFER_RECIPIENTS = 100 };

const struct ipc_schema *const queue_transfer_answers[] = {
    &qr_outcome_schema, &qr_done_schema, NULL};

/* The same destination goes to the same relay, which may have a connection open; another takes over
 * for one that is away. */
static struct channel *
choose_relay(const struct queue_destination *d)
{
	size_t first = hash_octets(slice_of(d->domain)) % LIMIT_INSTANCES;

	for (size_t i = 0; i < LIMIT_INSTANCES; i++) {
		struct channel *c = queue.relays[(first + i) % LIMIT_INSTANCES];

		if (channel_is_up(c))
			return c;
	}
	return NULL;
}

static void
on_answer(void *owner, struct ipc_message *m)
{
	struct queue_attempt *a = owner;

	if (m->schema == &qr_outcome_schema) {
		const struct qr_outcome *o = m->body;
		struct queue_outcome said = {.outcome = (enum outcome)o->outcome,
		    .status = o->status,
		    .reply = o->reply,
		    .mta = o->mta,
		    .has_dsn = o->dsn != 0};

		if (!queue_attempt_outcome(a, o->envelope, &said))
			channel_violation(m->channel, "envelope");
	} else if (m->schema == &qr_done_schema) {
		queue_attempt_finish(
		    a, (enum qr_destination)((const struct qr_done *)m->body)->destination);
	} else {
		channel_violation(m->channel, m->schema->name);
	}
}

static bool
send_recipients(const struct queue_attempt *a)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct store_envelope *row = &a->items[i].row;
		struct qr_rcpt m = {.envelope = row->id,
		    .address = row->address,
		    .original = row->original,
		    .orcpt = row->orcpt,
		    .notify = row->notify};

		if (!qr_rcpt_send(a->channel, a->request, &m, -1))
			return false;
	}
	return true;
}

/* Takes fd. */
static bool
send_all(const struct queue_attempt *a, const struct store_message *row, int fd)
{
	struct qr_transfer transfer = {.message = row->id,
	    .action = slice_of(a->destination->action),
	    .domain = slice_of(a->destination->domain),
	    .sender = row->sender,
	    .flags = row->flags & MESSAGE_8BIT,
	    .ret = row->ret,
	    .envid = row->envid,
	    .size = row->size,
	    .hasty = a->is_hasty,
	    .rcpts = (uint32_t)a->count};
	struct qr_body body = {.octets = fd >= 0 ? SLICE("") : row->octets};

	if (qr_transfer_send(a->channel, a->request, &transfer, -1) && send_recipients(a))
		return qr_body_send(a->channel, a->request, &body, fd);
	if (fd >= 0)
		close(fd);
	return false;
}

enum schedule_start
queue_transfer_start(struct queue_destination *d)
{
	struct queue_way way = {.channel = choose_relay(d),
	    .most = TRANSFER_RECIPIENTS,
	    .deadline = SPAN_MINUTES(QR_TRANSFER_MINUTES),
	    .answer = on_answer,
	    .send = send_all};

	return queue_attempt_start(d, &way);
}
