/*
 * Invariant: a failure counts only for attempts that began after the failure before it, so that
 * twenty connections that break together are one outage, not twenty.
 */
#include "queue/schedule/destination.h"

#include "common/base/assert.h"
#include "common/base/mem.h"
#include "common/mail/address.h"
#include "common/net/loop.h"
#include "queue/schedule/retry.h"
#include "queue/store/store.h"

/* How many attempts a destination begins with, and may have at most. */
static const struct {
	const char *name;
	unsigned start, most;
} transports[TRANSPORT_COUNT] = {
    [TRANSPORT_MAILBOX] = {"mailbox", 256, 2000},
    [TRANSPORT_RELAY] = {"relay", 5, 20},
    [TRANSPORT_AGENT] = {"agent", 5, 10},
    [TRANSPORT_UNROUTED] = {"unrouted", 20, 50},
};

static struct hash destinations;
static void (*look_up)(struct queue_destination *d);
static TAILQ_HEAD(, queue_destination) idle = TAILQ_HEAD_INITIALIZER(idle);

void
queue_destinations_init(void (*call)(struct queue_destination *d))
{
	look_up = call;
	hash_init(&destinations);
	TAILQ_INIT(&idle);
}

static void
destination_free(struct queue_destination *d)
{
	free(d->action);
	free(d->domain);
	free(d);
}

void
queue_destinations_fini(void)
{
	struct hash_walk walk = {0};
	struct queue_destination *d;

	while (queue_destination_next(&walk, &d))
		destination_free(d);
	hash_fini(&destinations);
	TAILQ_INIT(&idle);
}

bool
queue_destination_next(struct hash_walk *walk, struct queue_destination **d)
{
	struct slice key;
	void *value;

	if (!hash_next(&destinations, walk, &key, &value))
		return false;
	*d = value;
	return true;
}

size_t
queue_destination_count(void)
{
	return destinations.count;
}

/* A transfer to another server goes by domain, an agent's delivery by user; a mailbox's by its
 * action alone. */
static void
write_domain(struct buf *out, uint8_t transport, struct slice text)
{
	struct address a;

	if (transport == TRANSPORT_AGENT)
		buf_add_slice(out, text);
	if (transport != TRANSPORT_RELAY)
		return;
	if (address_parse(text, ADDRESS_ALLOW_UTF8, &a) == ADDRESS_OK) {
		address_domain_folded(out, &a);
	} else {
		ptrdiff_t at = slice_find_last(text, '@');

		buf_add_slice(out, slice_sub(slice_from(text, (size_t)(at + 1)), 0, LIMIT_DOMAIN));
	}
}

static struct queue_destination *
destination_new(uint8_t transport, uint8_t mailbox, struct slice action, struct slice domain)
{
	struct queue_destination *d = mem_zero(sizeof(*d));

	d->transport = transport;
	d->mailbox = mailbox;
	d->action = slice_text(action);
	d->domain = slice_text(domain);
	d->limit = transports[transport].start;
	d->has_action = true;
	d->standing = STANDING_NEW;
	for (int i = 0; i < ENVELOPE_STATE_COUNT; i++)
		TAILQ_INIT(&d->lists[i]);
	d->idle_since = loop_now();
	TAILQ_INSERT_TAIL(&idle, d, idle);
	if (look_up != NULL)
		look_up(d);
	return d;
}

static void
write_key(
    struct buf *key, uint8_t transport, uint8_t mailbox, struct slice action, struct slice domain)
{
	buf_add_char(key, (char)transport);
	buf_add_char(key, transport == TRANSPORT_MAILBOX ? (char)mailbox : 0);
	buf_add_slice(key, action);
	buf_add_char(key, '\0');
	buf_add_slice(key, domain);
}

struct queue_destination *
queue_destination_find(
    uint8_t transport, uint8_t mailbox, struct slice action, struct slice address_or_user)
{
	struct buf domain, key;
	struct queue_destination *d;

	ASSERT(transport < TRANSPORT_COUNT && action.len <= LIMIT_ACTION &&
	       address_or_user.len <= LIMIT_PATH);
	buf_init(&domain, 0);
	buf_init(&key, 0);
	write_domain(&domain, transport, address_or_user);
	write_key(&key, transport, mailbox, action, buf_slice(&domain));
	d = hash_find(&destinations, buf_slice(&key));
	if (d == NULL) {
		d = destination_new(transport, mailbox, action, buf_slice(&domain));
		hash_add(&destinations, buf_slice(&key), d);
	}
	buf_fini(&domain);
	buf_fini(&key);
	return d;
}

struct queue_destination *
queue_destination_of(const struct store_envelope *row, uint8_t mailbox)
{
	return queue_destination_find(row->transport, mailbox, row->action,
	    row->transport == TRANSPORT_AGENT ? row->user : row->address);
}

void
queue_destination_enter(struct queue_destination *d)
{
	if (d->envelopes++ == 0)
		TAILQ_REMOVE(&idle, d, idle);
}

void
queue_destination_leave(struct queue_destination *d)
{
	if (--d->envelopes > 0)
		return;
	d->idle_since = loop_now();
	TAILQ_INSERT_TAIL(&idle, d, idle);
}

static void
forget(struct queue_destination *d)
{
	struct buf key = {0};

	write_key(&key, d->transport, d->mailbox, slice_of(d->action), slice_of(d->domain));
	hash_remove(&destinations, buf_slice(&key));
	buf_fini(&key);
	TAILQ_REMOVE(&idle, d, idle);
	destination_free(d);
}

/* Whether something else needs it: an attempt, the schedule, the memory of an outage or a wish. */
static bool
is_wanted(const struct queue_destination *d, struct moment now)
{
	return d->in_flight > 0 || d->where != TURN_NONE || heap_has(&d->rest) ||
	       d->until.ms > now.ms || d->steady.ms > now.ms;
}

void
queue_destinations_sweep(struct moment now)
{
	struct queue_destination *d, *next;

	TAILQ_FOREACH_SAFE (d, &idle, idle, next) {
		if (d->idle_since.ms + DESTINATION_IDLE_MS > now.ms)
			break;
		if (!is_wanted(d, now))
			forget(d);
	}
}

bool
queue_destination_has_room(const struct queue_destination *d)
{
	return d->in_flight < (d->is_down ? 1 : d->limit);
}

bool
queue_destination_rests(const struct queue_destination *d, struct moment now)
{
	return d->until.ms > now.ms;
}

unsigned
queue_destination_begin(struct queue_destination *d)
{
	d->in_flight++;
	return d->generation;
}

/* What a server takes at a time is its own affair, and changes: a while after it wanted fewer it is
 * tried with one more, and only when that went well the limit rises as freely as before. */
static void
widen(struct queue_destination *d, struct moment now, uint32_t random)
{
	if (d->limit >= transports[d->transport].most || !moment_reached(d->steady, now))
		return;
	if (d->refusals > 0) {
		if (d->in_flight + 1 < d->limit)
			return; /* what is not used proves nothing */
		if (d->is_probe)
			d->refusals = 0;
		else
			d->steady = moment_after(now, retry_delay(&retry_wider, 1, random));
		d->is_probe = d->refusals > 0;
	}
	d->limit++;
}

/* Half as many, or none more than those that go on; but one more that was too many is that one. */
static void
narrow(struct queue_destination *d, struct moment now, uint32_t random)
{
	unsigned less = d->is_probe ? d->limit - 1 : d->limit / 2;

	if (less > d->in_flight)
		less = d->in_flight;
	d->limit = less > 0 ? less : 1;
	d->is_probe = false;
	d->refusals++;
	d->steady = moment_after(now, retry_delay(&retry_wider, d->refusals, random));
}

static void
fail(struct queue_destination *d, bool is_down, struct moment now, uint32_t random)
{
	if (d->is_down != is_down)
		d->failures = 0;
	d->is_down = is_down;
	d->generation++;
	d->failures++;
	d->until = moment_after(
	    now, retry_delay(is_down ? &retry_down : &retry_busy, d->failures, random));
}

void
queue_destination_end(struct queue_destination *d, unsigned generation, enum qr_destination result,
    struct moment now, uint32_t random)
{
	queue_destination_drop(d);
	switch (result) {
	case DESTINATION_UP:
		if (d->is_down)
			d->limit = transports[d->transport].start;
		else
			widen(d, now, random);
		d->is_down = false;
		d->failures = 0;
		d->until = (struct moment){0};
		break;
	case DESTINATION_BUSY:
		if (generation != d->generation)
			break;
		narrow(d, now, random);
		fail(d, false, now, random);
		break;
	case DESTINATION_DOWN:
		if (generation != d->generation)
			break;
		fail(d, true, now, random);
		break;
	}
}

void
queue_destination_rate(struct queue_destination *d, enum qr_destination result, struct span took)
{
	if (result == DESTINATION_DOWN || took.ms > SPAN_SECONDS(PROMPT_SECONDS).ms)
		d->standing = STANDING_SLOW;
	else if (result == DESTINATION_UP)
		d->standing = STANDING_PROMPT;
}

void
queue_destination_drop(struct queue_destination *d)
{
	ASSERT(d->in_flight > 0);
	d->in_flight--;
}

void
queue_destination_wake(struct queue_destination *d)
{
	d->failures = d->refusals = 0;
	d->standing = STANDING_NEW;
	d->is_down = d->is_probe = false;
	d->until = d->steady = (struct moment){0};
}

const char *
queue_transport_name(uint8_t transport)
{
	return transports[transport].name;
}
