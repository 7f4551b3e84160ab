/*
 * Invariants:
 * 1. An envelope stands in exactly one list of its destination, the one for its state.
 * 2. It is in the schedule's heap if and only if it is WAITING (schedule.c adds and removes).
 * 3. A message's count is the number of its envelopes in memory.
 */
#include "queue/envelope.h"

#include "common/base/assert.h"
#include "common/base/mem.h"
#include "common/net/loop.h"
#include "queue/schedule/destination.h"

static const unsigned allowed[] = {
#define S(name, next) next,
    ENVELOPE_STATES(S)
#undef S
};

static const char *const names[] = {
    [ENVELOPE_NEW] = "new",
    [ENVELOPE_WAITING] = "waiting",
    [ENVELOPE_READY] = "ready",
    [ENVELOPE_INFLIGHT] = "inflight",
    [ENVELOPE_HELD] = "held",
    [ENVELOPE_DONE] = "done",
};

static struct hash messages;

void
queue_messages_init(void)
{
	hash_init(&messages);
}

void
queue_messages_fini(void)
{
	struct hash_walk walk = {0};
	struct slice key;
	void *value;

	while (hash_next(&messages, &walk, &key, &value)) {
		struct queue_message *m = value;

		while (m->envelopes != NULL)
			queue_envelope_free(m->envelopes);
		free(m);
	}
	hash_fini(&messages);
}

size_t
queue_message_count(void)
{
	return messages.count;
}

struct queue_message *
queue_message_find(uint64_t id)
{
	return hash_find(&messages, HASH_NUMBER(id));
}

struct queue_message *
queue_message_new(uint64_t id)
{
	struct queue_message *m = mem_zero(sizeof(*m));

	m->id = id;
	ASSERT(hash_add(&messages, HASH_NUMBER(id), m) == NULL);
	return m;
}

void
queue_message_free(struct queue_message *m)
{
	ASSERT(m->count == 0);
	hash_remove(&messages, HASH_NUMBER(m->id));
	free(m);
}

static void
enter_list(struct queue_envelope *e)
{
	struct queue_destination *d = e->destination;

	TAILQ_INSERT_TAIL(&d->lists[e->state], e, link);
	d->counts[e->state]++;
}

static void
leave_list(struct queue_envelope *e)
{
	struct queue_destination *d = e->destination;

	TAILQ_REMOVE(&d->lists[e->state], e, link);
	d->counts[e->state]--;
}

struct queue_envelope *
queue_envelope_new(struct queue_message *m, uint64_t id, struct queue_destination *d)
{
	struct queue_envelope *e = mem_zero(sizeof(*e));

	e->message = m;
	e->id = id;
	e->destination = d;
	queue_envelope_set_age(e, 0);
	if (m->last == NULL)
		m->envelopes = e;
	else
		m->last->next = e;
	m->last = e;
	m->count++;
	queue_destination_enter(d);
	enter_list(e);
	return e;
}

struct queue_envelope *
queue_envelope_find(const struct queue_message *m, uint64_t id)
{
	struct queue_envelope *e = m->envelopes;

	while (e != NULL && e->id != id)
		e = e->next;
	return e;
}

void
queue_envelope_move(struct queue_envelope *e, enum envelope_state state)
{
	ASSERT((allowed[e->state] & 1U << state) != 0);
	ASSERT(!heap_has(&e->due));
	leave_list(e);
	e->state = (uint8_t)state;
	enter_list(e);
}

void
queue_envelope_free(struct queue_envelope *e)
{
	struct queue_message *m = e->message;
	struct queue_envelope **link = &m->envelopes, *before = NULL;

	while (*link != e) {
		before = *link;
		link = &before->next;
	}
	*link = e->next;
	if (m->last == e)
		m->last = before;
	m->count--;
	leave_list(e);
	queue_destination_leave(e->destination);
	free(e);
}

static int64_t
monotonic_seconds(void)
{
	return loop_now().ms / 1000;
}

int64_t
queue_envelope_age(const struct queue_envelope *e)
{
	return monotonic_seconds() - e->born;
}

void
queue_envelope_set_age(struct queue_envelope *e, int64_t age)
{
	e->born = (int32_t)(monotonic_seconds() - age);
}

const char *
envelope_state_name(enum envelope_state state)
{
	return names[state];
}
