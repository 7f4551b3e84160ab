/*
 * A message in the queue and its envelopes (one recipient each), as far as scheduling needs them
 * in memory; their texts stay in the database. A million of each must fit into 400 MB.
 */
#ifndef QUEUE_ENVELOPE_H
#define QUEUE_ENVELOPE_H

#include "common/base/hash.h"
#include "common/base/heap.h"

#include <sys/queue.h>

#define TO(state) (1U << ENVELOPE_##state)

/*
 *	NEW ─▶ WAITING ─▶ READY ─▶ INFLIGHT ─▶ DONE
 *	          ▲  ▲       │         │
 *	          │  ╰───────┴─────────╯     tried, or its destination rests
 *	         HELD ◀─ (any but DONE)      until somebody resumes it
 */
/* clang-format off */
/* state     may become                                       where it is */
#define ENVELOPE_STATES(S) \
	S(NEW,      TO(WAITING) | TO(READY) | TO(HELD) | TO(DONE))     /* not stored yet */ \
	S(WAITING,  TO(READY) | TO(HELD) | TO(DONE))                   /* in the schedule */ \
	S(READY,    TO(WAITING) | TO(INFLIGHT) | TO(HELD) | TO(DONE))  /* due */ \
	S(INFLIGHT, TO(WAITING) | TO(READY) | TO(HELD) | TO(DONE))     /* in an attempt */ \
	S(HELD,     TO(WAITING) | TO(READY) | TO(DONE))                /* set aside */ \
	S(DONE,     0)                                                 /* out of the database */
/* clang-format on */

enum envelope_state {
#define S(name, next) ENVELOPE_##name,
	ENVELOPE_STATES(S)
#undef S
	    ENVELOPE_STATE_COUNT
};

/* Why an envelope is held; what the database keeps. In the database alone: it was removed while it
 * was in flight, and nobody shall try it again. */
enum envelope_hold { HOLD_NONE, HOLD_PERSON, HOLD_DAMAGE, HOLD_REMOVED };

struct queue_destination;

struct queue_envelope {
	struct heap_node due;             /* in the schedule while WAITING; key in ms */
	TAILQ_ENTRY(queue_envelope) link; /* in its destination's list for its state */
	struct queue_message *message;
	struct queue_envelope *next; /* of the same message */
	struct queue_destination *destination;
	uint64_t id;
	int32_t born; /* second of the monotonic clock when its age was 0 */
	uint16_t tries;
	uint8_t state; /* enum envelope_state */
	uint8_t notify : 4, warned : 3;
	uint8_t is_removed : 1; /* by a person, while it was in flight */
	uint8_t lost : 4;       /* attempts in a row that we ourselves broke off */
	uint8_t busy : 4;       /* attempts in a row for which there was no room */
	uint8_t hold;           /* enum envelope_hold, wanted after the attempt too */
};

/* As far as that is counted. What is broken off or finds no room once more is counted as any other
 * try. */
enum { ENVELOPE_LOST_MOST = 10, ENVELOPE_BUSY_MOST = 10 };

_Static_assert(sizeof(struct queue_envelope) <= 96, "a million of them must stay small");

enum message_body { BODY_UNKNOWN, BODY_INLINE, BODY_FILE };

struct queue_message {
	uint64_t id;
	struct queue_envelope *envelopes, *last; /* in the order of RCPT */
	uint32_t count;
	uint8_t body; /* enum message_body */
};

/* All messages in memory, by id. */
void queue_messages_init(void);
void queue_messages_fini(void); /* frees all, envelopes too */
size_t queue_message_count(void);
struct queue_message *queue_message_find(uint64_t id);

/* The id must not be in use. */
struct queue_message *queue_message_new(uint64_t id);

/* A message that has no envelopes any more. */
void queue_message_free(struct queue_message *m);

/* Adds an envelope in the state NEW to the message and the destination. */
struct queue_envelope *queue_envelope_new(
    struct queue_message *m, uint64_t id, struct queue_destination *d);

struct queue_envelope *queue_envelope_find(const struct queue_message *m, uint64_t id);

/* The only writer of the state: asserts that the list allows it, and moves it between its
 * destination's lists. */
void queue_envelope_move(struct queue_envelope *e, enum envelope_state state);

/* DONE: out of message and destination, and freed. The message stays, even without envelopes. */
void queue_envelope_free(struct queue_envelope *e);

/* Counted seconds since it was accepted. */
int64_t queue_envelope_age(const struct queue_envelope *e);
void queue_envelope_set_age(struct queue_envelope *e, int64_t age);

const char *envelope_state_name(enum envelope_state state);

#endif
