/*
 * Delivery: queue hands over a message for accounts; each gets it once, whatever is tried again,
 * and queue hears of it when it is durable.
 */
#include "deliver/mailbox/deliver.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/ipc/queue_mailbox.h"
#include "common/ipc/queue_relay.h"
#include "common/mail/header.h"
#include "common/mail/trace.h"
#include "deliver/mailbox/batch.h"
#include "deliver/mailbox/feed.h"
#include "deliver/mailbox/reply.h"
#include "deliver/mailbox/signer.h"

#include <unistd.h>

struct recipient {
	uint64_t envelope;
	char *account, *address;
};

struct delivery {
	LIST_ENTRY(delivery) link;
	struct channel *channel;
	uint32_t id;
	uint64_t size;
	int64_t arrival;
	char *sender;
	struct recipient *recipients;
	size_t count, announced;
};

static LIST_HEAD(, delivery) deliveries = LIST_HEAD_INITIALIZER(deliveries);

static struct delivery *
find(struct ipc_message *m)
{
	struct delivery *d;

	LIST_FOREACH (d, &deliveries, link) {
		if (d->channel == m->channel && d->id == m->id)
			return d;
	}
	return NULL;
}

static void
free_delivery(struct delivery *d)
{
	LIST_REMOVE(d, link);
	for (size_t i = 0; i < d->count; i++) {
		free(d->recipients[i].account);
		free(d->recipients[i].address);
	}
	free(d->recipients);
	free(d->sender);
	free(d);
}

void
deliveries_forget(struct channel *c)
{
	struct delivery *d, *next;

	LIST_FOREACH_SAFE (d, &deliveries, link, next) {
		if (d->channel == c)
			free_delivery(d);
	}
}

static void
on_deliver(void *owner, struct ipc_message *m)
{
	const struct qm_deliver *q = m->body;
	struct delivery *d = mem_zero(sizeof(*d));

	d->channel = m->channel;
	d->id = m->id;
	d->size = q->size;
	d->arrival = q->arrival;
	d->sender = slice_text(q->sender);
	d->announced = q->rcpts;
	d->recipients = mem_array(q->rcpts, sizeof(*d->recipients));
	LIST_INSERT_HEAD(&deliveries, d, link);
}

static void
on_rcpt(void *owner, struct ipc_message *m)
{
	const struct qm_rcpt *q = m->body;
	struct delivery *d = find(m);
	struct recipient *r;

	if (d == NULL || d->count == d->announced) {
		channel_violation(m->channel, "rcpts");
		return;
	}
	r = &d->recipients[d->count++];
	r->envelope = q->envelope;
	r->account = slice_text(q->account);
	r->address = slice_text(q->address);
}

static void
say(struct delivery *d, const struct recipient *r, enum outcome outcome, const char *status,
    const char *text)
{
	struct qm_outcome m = {.envelope = r->envelope,
	    .outcome = (uint8_t)outcome,
	    .status = slice_of(status),
	    .text = slice_of(text)};

	qm_outcome_send(d->channel, d->id, &m, -1);
}

/* The message has been here before when a Delivered-To of ours names the recipient. */
static bool
is_looping(struct slice message, const char *address)
{
	struct header_walk walk = header_walk(message);
	struct header_field f;

	while (header_next(&walk, &f)) {
		if (slice_equal_text_nocase(f.name, "Delivered-To") &&
		    slice_equal_text_nocase(f.value, address))
			return true;
	}
	return false;
}

static void
store_one(struct delivery *d, const struct recipient *r, struct slice message,
    const struct store_index *i)
{
	struct error why = {""};
	struct account *a = account_open(slice_of(r->account), &why);
	struct store_mailbox inbox;
	struct store_new n = {.index = i, .date = d->arrival, .envelope = r->envelope};
	struct buf whole = {0};
	struct qm_outcome done = {
	    .envelope = r->envelope, .outcome = OUTCOME_DELIVERED, .status = SLICE("2.0.0")};
	struct qm_outcome failed = {.envelope = r->envelope,
	    .outcome = OUTCOME_TEMPORARY,
	    .status = SLICE("4.3.0"),
	    .text = SLICE("the message could not be made durable")};
	enum store_result result;
	uint32_t uid;

	if (a == NULL) {
		say(d, r, OUTCOME_TEMPORARY, "4.2.0", "the account cannot be opened now");
		return;
	}
	trace_return_path(&whole, slice_of(d->sender));
	trace_delivered_to(&whole, slice_of(r->address));
	buf_add_slice(&whole, message);
	n.octets = buf_slice(&whole);
	n.size = whole.len;
	if (is_looping(message, r->address))
		say(d, r, OUTCOME_PERMANENT, "5.4.6",
		    "the message has been delivered here before: it goes in a circle");
	else if (store_find(&a->store, "INBOX", &inbox) != STORE_OK)
		say(d, r, OUTCOME_TEMPORARY, "4.2.0", "the account has no INBOX");
	else if ((result = store_add(&a->store, &inbox, &n, &uid)) != STORE_OK)
		say(d, r, OUTCOME_TEMPORARY, result == STORE_FULL ? "4.3.1" : "4.2.0",
		    "the message cannot be stored now");
	else {
		reply_delivered(a, d->channel, d->id, (struct reply){&qm_outcome_schema, &done},
		    &(struct reply){&qm_outcome_schema, &failed});
		batch_add(a, whole.len);
		signer_add(a);
		feed_changed(a, inbox.id, false);
	}
	buf_fini(&whole);
	account_release(a);
}

static void
on_body(void *owner, struct ipc_message *m)
{
	const struct qm_body *b = m->body;
	struct delivery *d = find(m);
	struct slice message = b->octets;
	struct store_index index;
	struct buf whole = {0};

	if (d != NULL && m->fd >= 0) {
		buf_add_file(&whole, m->fd, d->size);
		message = buf_slice(&whole);
	}
	if (m->fd >= 0)
		close(m->fd);
	if (d == NULL || d->count != d->announced || message.len != d->size) {
		channel_violation(m->channel, "size");
		buf_fini(&whole);
		return;
	}
	/* What stands before it for each recipient changes nothing of this. */
	store_index_make(message, &index);
	for (size_t i = 0; i < d->count; i++)
		store_one(d, &d->recipients[i], message, &index);
	store_index_fini(&index);
	buf_fini(&whole);
	free_delivery(d);
}

const struct ipc_handler delivery[] = {{&qm_deliver_schema, on_deliver}, {&qm_rcpt_schema, on_rcpt},
    {&qm_body_schema, on_body}, {NULL, NULL}};
