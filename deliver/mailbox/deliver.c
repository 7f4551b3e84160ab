/*
 * Delivery: queue hands over a message for accounts; each gets it once, whatever is tried again,
 * and queue hears of it when it is durable. The recipients have their turns, of which some
 * milliseconds are a slice: to open an account may take as long. The file of a large message is made
 * in the pool, one for each of them. Meanwhile others are served.
 */
#include "deliver/mailbox/deliver.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/ipc/queue_mailbox.h"
#include "common/mail/header.h"
#include "common/mail/trace.h"
#include "common/net/loop.h"
#include "deliver/mailbox/batch.h"
#include "deliver/mailbox/feed.h"
#include "deliver/mailbox/search/signer.h"
#include "deliver/mailbox/store/body_file.h"
#include "deliver/mailbox/store/index.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/message.h"
#include "deliver/mailbox/verb/reply.h"

#include <sys/stat.h>
#include <unistd.h>

enum { SLICE_MS = 4 };

struct recipient {
	uint64_t envelope;
	char *account, *address;
};

struct delivery {
	LIST_ENTRY(delivery) link;
	struct channel *channel; /* NULL: gone while a file was in the pool */
	uint32_t id;
	uint64_t size;
	int64_t arrival;
	char *sender;
	struct recipient *recipients;
	size_t count, announced, at; /* at: the one whose turn it is */
	struct buf message;          /* a small one; a large one is in fd */
	int fd;
	struct store_index index; /* of a small one */
	struct body_file file;    /* for the recipient whose turn it is */
	struct task turn;         /* the next slice */
	bool is_whole, is_pooled; /* all was said; a file is made */
};

static LIST_HEAD(, delivery) deliveries = LIST_HEAD_INITIALIZER(deliveries);

static struct delivery *
find(struct ipc_message *m)
{
	struct delivery *d;

	LIST_FOREACH (d, &deliveries, link) {
		if (d->channel == m->channel && d->id == m->id && !d->is_whole)
			return d;
	}
	return NULL;
}

static void
free_delivery(struct delivery *d)
{
	LIST_REMOVE(d, link);
	task_cancel(&d->turn);
	if (d->fd >= 0)
		close(d->fd);
	store_index_fini(&d->index);
	buf_fini(&d->message);
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
		if (c != NULL && d->channel != c)
			continue;
		d->channel = NULL;
		if (!d->is_pooled)
			free_delivery(d);
	}
}

static void step(struct delivery *d);

static void
on_turn(void *owner)
{
	step(owner);
}

static void
on_deliver(void *owner, struct ipc_message *m)
{
	const struct qm_deliver *q = m->body;
	struct delivery *d = mem_zero(sizeof(*d));

	d->channel = m->channel;
	d->id = m->id;
	d->size = q->size;
	d->fd = -1;
	d->arrival = q->arrival;
	d->sender = slice_text(q->sender);
	d->announced = q->rcpts;
	d->recipients = mem_array(q->rcpts, sizeof(*d->recipients));
	task_init(&d->turn, on_turn, d);
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

/* Asked in the pool, of a large one. */
static bool
is_wanted(const void *owner, struct slice message)
{
	const struct delivery *d = owner;

	return !is_looping(message, d->recipients[d->at].address);
}

static void
say_looping(struct delivery *d, const struct recipient *r)
{
	say(d, r, OUTCOME_PERMANENT, "5.4.6",
	    "the message has been delivered here before: it goes in a circle");
}

static void
say_not_stored(struct delivery *d, const struct recipient *r, enum store_result result)
{
	say(d, r, OUTCOME_TEMPORARY, result == STORE_FULL ? "4.3.1" : "4.2.0",
	    "the message cannot be stored now");
}

/* True: a new row has it. */
static bool
store_in(struct delivery *d, const struct recipient *r, struct account *a, struct store_new *n)
{
	struct store_mailbox inbox;
	struct qm_outcome done = {
	    .envelope = r->envelope, .outcome = OUTCOME_DELIVERED, .status = SLICE("2.0.0")};
	struct qm_outcome failed = {.envelope = r->envelope,
	    .outcome = OUTCOME_TEMPORARY,
	    .status = SLICE("4.3.0"),
	    .text = SLICE("the message could not be made durable")};
	enum store_result result;
	uint32_t uid;

	n->date = d->arrival;
	n->envelope = r->envelope;
	if (store_find(&a->store, "INBOX", &inbox) != STORE_OK) {
		say(d, r, OUTCOME_TEMPORARY, "4.2.0", "the account has no INBOX");
		return false;
	}
	result = store_add(&a->store, &inbox, n, &uid);
	if (result != STORE_OK) {
		say_not_stored(d, r, result);
		return false;
	}
	reply_delivered(a, d->channel, d->id, (struct reply){&qm_outcome_schema, &done},
	    &(struct reply){&qm_outcome_schema, &failed});
	batch_add(a, n->size);
	signer_add(a);
	feed_changed(a, inbox.id, false);
	return uid != 0;
}

static void
store_small(
    struct delivery *d, const struct recipient *r, struct account *a, const struct buf *before)
{
	struct buf whole = {0};
	struct store_new n = {.index = &d->index};

	if (is_looping(buf_slice(&d->message), r->address)) {
		say_looping(d, r);
		return;
	}
	buf_add_slice(&whole, buf_slice(before));
	buf_add_slice(&whole, buf_slice(&d->message));
	n.octets = buf_slice(&whole);
	n.size = whole.len;
	store_in(d, r, a, &n);
	buf_fini(&whole);
}

static void
store_large(struct delivery *d, const struct recipient *r)
{
	enum store_result result = body_file_result(&d->file);
	struct store_new n = {.size = 0};

	if (result == STORE_CANNOT) {
		say_looping(d, r);
	} else if (result != STORE_OK) {
		say_not_stored(d, r, result);
	} else {
		body_file_describe(&d->file, &n);
		if (store_in(d, r, d->file.account, &n))
			body_file_take(&d->file);
	}
}

static void
on_file(void *owner)
{
	struct delivery *d = owner;

	d->is_pooled = false;
	if (d->channel != NULL)
		store_large(d, &d->recipients[d->at]);
	body_file_fini(&d->file);
	d->at++;
	step(d);
}

/* Takes the lines before it. */
static void
begin_file(struct delivery *d, struct account *a, struct buf *before)
{
	d->file = (struct body_file){.before = *before,
	    .octets = buf_slice(&d->message),
	    .fd = d->fd,
	    .fd_size = d->size,
	    .wants = is_wanted,
	    .done = on_file,
	    .owner = d};
	*before = (struct buf){0};
	d->is_pooled = true;
	body_file_begin(&d->file, a);
}

static void
store_one(struct delivery *d, const struct recipient *r)
{
	struct error why = {""};
	struct account *a = account_open(slice_of(r->account), &why);
	struct buf before = {0};

	if (a == NULL) {
		say(d, r, OUTCOME_TEMPORARY, "4.2.0", "the account cannot be opened now");
		return;
	}
	trace_return_path(&before, slice_of(d->sender));
	trace_delivered_to(&before, slice_of(r->address));
	if (before.len + d->size <= LIMIT_INLINE)
		store_small(d, r, a, &before);
	else if (!store_has_room(&a->store, before.len + d->size))
		say_not_stored(d, r, STORE_FULL);
	else
		begin_file(d, a, &before);
	buf_fini(&before);
	account_release(a);
}

/* One recipient after the other, until the slice is over or one's file is in the pool. */
static void
step(struct delivery *d)
{
	struct moment ends = moment_after(moment_now(), SPAN_MS(SLICE_MS));

	while (d->channel != NULL && d->at < d->count) {
		store_one(d, &d->recipients[d->at]);
		if (d->is_pooled)
			return;
		d->at++;
		if (moment_reached(ends, moment_now())) {
			task_queue(&d->turn);
			return;
		}
	}
	free_delivery(d);
}

/* Takes fd. False: it is not what was announced. */
static bool
take_body(struct delivery *d, struct slice octets, int fd)
{
	struct stat st;

	if (fd >= 0 && d->size > LIMIT_INLINE) {
		d->fd = fd;
		return fstat(fd, &st) == 0 && (uint64_t)st.st_size >= d->size;
	}
	if (fd >= 0) {
		buf_add_file(&d->message, fd, d->size);
		close(fd);
	} else {
		buf_add_slice(&d->message, octets);
	}
	/* What stands before it for each recipient changes nothing of this. */
	store_index_make(buf_slice(&d->message), &d->index);
	return d->message.len == d->size;
}

static void
on_body(void *owner, struct ipc_message *m)
{
	const struct qm_body *b = m->body;
	struct delivery *d = find(m);

	if (d == NULL || d->count != d->announced) {
		if (m->fd >= 0)
			close(m->fd);
		channel_violation(m->channel, "size");
	} else if (!take_body(d, b->octets, m->fd)) {
		channel_violation(m->channel, "size");
	} else {
		d->is_whole = true;
		step(d);
	}
}

const struct ipc_handler delivery[] = {{&qm_deliver_schema, on_deliver}, {&qm_rcpt_schema, on_rcpt},
    {&qm_body_schema, on_body}, {NULL, NULL}};
