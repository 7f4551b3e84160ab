/*
 * A mailbox stores each envelope id at most once, so an attempt that was broken off may simply be
 * made again. An agent's cannot: its recipient may get the message twice, never not at all.
 */
#include "queue/attempt/deliver.h"

#include "common/ipc/queue_agent.h"
#include "common/ipc/queue_mailbox.h"
#include "queue/attempt/attempt.h"

#include <unistd.h>

enum { MAILBOX_MINUTES = 10, AGENT_MINUTES = 90 };

const struct ipc_schema *const queue_mailbox_answers[] = {&qm_outcome_schema, NULL};
const struct ipc_schema *const queue_agent_answers[] = {&qa_outcome_schema, NULL};

static void
on_mailbox(void *owner, struct ipc_message *m)
{
	struct queue_attempt *a = owner;
	const struct qm_outcome *o = m->body;
	struct queue_outcome said = {
	    .outcome = (enum outcome)o->outcome, .status = o->status, .reply = o->text};

	if (!queue_attempt_outcome(a, o->envelope, &said))
		channel_violation(m->channel, "envelope");
	else if (queue_attempt_is_complete(a))
		queue_attempt_finish(a, DESTINATION_UP);
}

/* Takes fd. */
static bool
send_to_mailbox(const struct queue_attempt *a, const struct store_message *row, int fd)
{
	struct qm_deliver deliver = {.message = row->id,
	    .sender = row->sender,
	    .arrival = row->arrival,
	    .size = row->size,
	    .rcpts = (uint32_t)a->count};
	struct qm_body body = {.octets = fd >= 0 ? SLICE("") : row->octets};
	bool ok = qm_deliver_send(a->channel, a->request, &deliver, -1);

	for (size_t i = 0; i < a->count && ok; i++) {
		const struct store_envelope *e = &a->items[i].row;
		struct qm_rcpt m = {.envelope = e->id, .account = e->user, .address = e->address};

		ok = qm_rcpt_send(a->channel, a->request, &m, -1);
	}
	if (ok)
		return qm_body_send(a->channel, a->request, &body, fd);
	if (fd >= 0)
		close(fd);
	return false;
}

static void
on_agent(void *owner, struct ipc_message *m)
{
	struct queue_attempt *a = owner;
	const struct qa_outcome *o = m->body;

	queue_attempt_outcome_all(a, (enum outcome)o->outcome, o->status, o->text);
	queue_attempt_finish(a, DESTINATION_UP);
}

/* Takes fd. */
static bool
send_to_agent(const struct queue_attempt *a, const struct store_message *row, int fd)
{
	const struct store_envelope *e = &a->items[0].row;
	struct qa_deliver deliver = {.message = row->id,
	    .envelope = e->id,
	    .action = e->action,
	    .user = e->user,
	    .target = e->target,
	    .sender = row->sender,
	    .address = e->address,
	    .original = e->original,
	    .octets = fd >= 0 ? SLICE("") : row->octets,
	    .size = row->size};

	return qa_deliver_send(a->channel, a->request, &deliver, fd);
}

enum schedule_start
queue_deliver_to_mailbox(struct queue_destination *d)
{
	struct queue_way way = {.channel = queue.mailboxes[d->mailbox],
	    .most = LIMIT_RECIPIENTS,
	    .deadline = SPAN_MINUTES(MAILBOX_MINUTES),
	    .answer = on_mailbox,
	    .send = send_to_mailbox};

	return queue_attempt_start(d, &way);
}

enum schedule_start
queue_deliver_by_agent(struct queue_destination *d)
{
	struct queue_way way = {.channel = queue.parent,
	    .most = 1,
	    .deadline = SPAN_MINUTES(AGENT_MINUTES),
	    .answer = on_agent,
	    .send = send_to_agent};

	return queue_attempt_start(d, &way);
}
