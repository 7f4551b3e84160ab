/*
 * One attempt: envelopes of one message that travel together to one destination, and what became
 * of each. Whoever carries it out (transfer.c, deliver.c, route.c) reports outcomes and its end.
 */
#ifndef QUEUE_ATTEMPT_ATTEMPT_H
#define QUEUE_ATTEMPT_ATTEMPT_H

#include "common/net/loop.h"
#include "queue/queue.h"
#include "queue/schedule/destination.h"
#include "queue/schedule/schedule.h"

enum { STATUS_TEXT = LIMIT_STATUS + 1 };

struct queue_item {
	struct queue_envelope *envelope;
	struct store_envelope row; /* its texts lie in octets */
	char *octets;
	bool has_outcome;
	uint8_t outcome; /* enum outcome */
	bool has_dsn;    /* the next hop reports for itself */
	char status[STATUS_TEXT];
	char *reply, *mta; /* never NULL once there is an outcome */
};

/* What was said of one envelope, in texts of whoever said it. */
struct queue_outcome {
	enum outcome outcome;
	struct slice status, reply;
	struct slice mta; /* who said it; empty: a process of ours */
	bool has_dsn;
};

/* How an attempt ended as a whole. */
enum attempt_end {
	ATTEMPT_ANSWERED,
	ATTEMPT_BUSY, /* the destination takes no more at a time; says nothing of the message */
	ATTEMPT_LOST, /* the process went away: nobody's fault */
	ATTEMPT_LATE, /* it did not answer in time */
};

struct queue_attempt {
	struct queue_message *message;
	struct queue_destination *destination;
	bool is_flight; /* counted by destination and schedule */
	unsigned generation;
	struct moment began;
	uint8_t standing;        /* whose place it has */
	bool is_hasty;           /* others want that */
	struct channel *channel; /* of the request; NULL: none is open */
	uint32_t request;
	struct timer again; /* writes the outcome down: the disk was full */
	enum attempt_end end;
	struct queue_route *route; /* what lookup named so far (route.c); NULL: nothing */
	size_t count;
	struct queue_item items[];
};

/* How a transport carries attempts out. */
struct queue_way {
	struct channel *channel;
	size_t most; /* envelopes */
	struct span deadline;
	void (*answer)(void *owner, struct ipc_message *m); /* owner: the attempt */

	/* Sends all of it on the attempt's request; takes fd, with a large body, or -1. */
	bool (*send)(const struct queue_attempt *a, const struct store_message *m, int fd);
};

/* Begins an attempt with READY envelopes of the destination, as schedule_calls.start must. */
enum schedule_start queue_attempt_start(struct queue_destination *d, const struct queue_way *way);

/* One envelope that is not in flight, to be judged by its age alone. NULL: it was set aside or
 * put off. */
struct queue_attempt *queue_attempt_of(struct queue_envelope *e);

/* The request is answered. */
void queue_attempt_answered(struct queue_attempt *a);

/* The outcome of one envelope; false when it is none of the attempt's or has one already. */
bool queue_attempt_outcome(
    struct queue_attempt *a, uint64_t envelope, const struct queue_outcome *said);
void queue_attempt_outcome_all(
    struct queue_attempt *a, enum outcome outcome, struct slice status, struct slice reply);
bool queue_attempt_is_complete(const struct queue_attempt *a);

/* The end: outcomes are written down, and the attempt is gone. */
void queue_attempt_finish(struct queue_attempt *a, enum qr_destination said);

/* Frees the attempt; its envelopes are in their new states already. */
void queue_attempt_free(struct queue_attempt *a);

/* Sets an envelope aside for damage: held, logged, never sent, never removed by us. */
void queue_set_aside(struct queue_envelope *e, const char *why);

#endif
