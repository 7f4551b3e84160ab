/*
 * Reports to senders (RFC 3461, 3464): whether one is wanted, and writing it as a message of our
 * own in the transaction that it explains. A null reverse-path is never answered (RFC 5321 4.5.5).
 */
#ifndef QUEUE_ATTEMPT_BOUNCE_H
#define QUEUE_ATTEMPT_BOUNCE_H

#include "common/mail/dsn.h"
#include "queue/queue.h"

/* A report that was written, until it is in the schedule. All zero: there is none. */
struct bounce {
	uint64_t message, envelope;
	bool is_file;
};

/* Whether NOTIFY (RFC 3461 4.1) asks for it. 0, unsaid, means failures, and a word on delay. */
bool bounce_is_wanted(uint8_t notify, enum dsn_kind kind);

/*
 * Writes one report about recipients of the message, with an envelope that lookup has yet to route.
 * For a null sender nothing is written, which is no failure.
 */
enum db_result queue_bounce_store(struct bounce *b, const struct store_message *m,
    enum dsn_kind kind, const struct dsn_recipient *recipients, size_t count);

/* The transaction was undone: nothing is left of what was written. */
void queue_bounce_undo(struct bounce *b);

/* Puts what was written into memory and on its way. */
void queue_bounce_begin(const struct bounce *b);

#endif
