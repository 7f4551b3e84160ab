/*
 * Where envelopes go together: one transport and action, with one domain, one mailbox process or
 * one user of an agent's, whose slow command holds up no other user's mail.
 * A destination takes more at a time while things go well, less when it is asked to, and when it
 * is down it is probed by a single message, at growing intervals. Decides by times it is given.
 */
#ifndef QUEUE_SCHEDULE_DESTINATION_H
#define QUEUE_SCHEDULE_DESTINATION_H

#include "common/base/moment.h"
#include "common/ipc/any_lookup.h"
#include "common/ipc/queue_relay.h"
#include "queue/envelope.h"

/* The transports of any_lookup.h, and that of a bounce whose recipient lookup has not seen yet. */
enum { TRANSPORT_UNROUTED = TRANSPORT_AGENT + 1, TRANSPORT_COUNT };

enum { DESTINATION_IDLE_MS = 60 * 1000 };

TAILQ_HEAD(queue_envelope_list, queue_envelope);

/* In which of the schedule's lists it stands. */
enum destination_turn { TURN_NONE, TURN_RUNNABLE, TURN_BLOCKED };

/* What is known of how it answers, and so which share of the places its attempts may take. */
enum destination_standing {
	STANDING_PROMPT, /* the last attempt ended well, within PROMPT_SECONDS */
	STANDING_NEW,    /* none has ended yet */
	STANDING_SLOW,   /* the last one took longer, or it is down */
	STANDING_COUNT
};
enum { PROMPT_SECONDS = 10 }; /* less than relay's hasty waits */

struct queue_destination {
	uint8_t transport;
	uint8_t mailbox;       /* TRANSPORT_MAILBOX: which process */
	char *action, *domain; /* domain: lower case; an agent's user; else "" */
	struct queue_envelope_list lists[ENVELOPE_STATE_COUNT];
	uint32_t counts[ENVELOPE_STATE_COUNT];
	uint32_t envelopes; /* in all lists */

	unsigned limit;      /* attempts at a time */
	unsigned in_flight;  /* attempts */
	unsigned failures;   /* in a row, of the destination as a whole */
	unsigned generation; /* counts failures; those of one outage count once */
	bool is_down;
	uint8_t standing;     /* enum destination_standing */
	bool has_action;      /* the configuration knows it, for this transport */
	uint32_t ttl;         /* of the action; 0: the queue's */
	struct moment until;  /* rests; 0: it does not */
	unsigned refusals;    /* times that it wanted fewer, not yet made good */
	bool is_probe;        /* after those, its limit was raised by one */
	struct moment steady; /* until then the limit is not raised */

	struct heap_node rest; /* in the schedule while it rests */
	TAILQ_ENTRY(queue_destination) turn;
	uint8_t where;                       /* enum destination_turn */
	uint8_t line;                        /* TURN_RUNNABLE: that of this standing */
	TAILQ_ENTRY(queue_destination) idle; /* while it has no envelope */
	struct moment idle_since;
};

/* All destinations. look_up() sets has_action and ttl of a new one; NULL: it has its action.
 * fini() frees them; envelopes and the schedule must be gone. */
void queue_destinations_init(void (*look_up)(struct queue_destination *d));
void queue_destinations_fini(void);
bool queue_destination_next(struct hash_walk *walk, struct queue_destination **d);
size_t queue_destination_count(void);

/* The destination of such envelopes; made if there is none, gone when it is long without them. */
struct queue_destination *queue_destination_find(
    uint8_t transport, uint8_t mailbox, struct slice action, struct slice address_or_user);

/* That of an envelope with this row, which that mailbox process would deliver. */
struct store_envelope;
struct queue_destination *queue_destination_of(const struct store_envelope *row, uint8_t mailbox);

/* An envelope comes or goes (envelope.c). */
void queue_destination_enter(struct queue_destination *d);
void queue_destination_leave(struct queue_destination *d);

/* Frees those that had no envelope for DESTINATION_IDLE_MS and have nothing to remember. */
void queue_destinations_sweep(struct moment now);

/* Whether another attempt may begin, as far as the destination itself goes. */
bool queue_destination_has_room(const struct queue_destination *d);
bool queue_destination_rests(const struct queue_destination *d, struct moment now);

/* An attempt begins; its end must bring the number back. */
unsigned queue_destination_begin(struct queue_destination *d);

/* It ended, and said this of the destination. */
void queue_destination_end(struct queue_destination *d, unsigned generation,
    enum qr_destination result, struct moment now, uint32_t random);

/* So long the attempt took that ended so. */
void queue_destination_rate(
    struct queue_destination *d, enum qr_destination result, struct span took);

/* It ended without a word on the destination: a process of ours is gone. */
void queue_destination_drop(struct queue_destination *d);

/* Forgets failures: a person wants it tried now. */
void queue_destination_wake(struct queue_destination *d);

const char *queue_transport_name(uint8_t transport);

#endif
