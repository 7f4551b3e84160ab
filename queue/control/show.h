/*
 * Envelopes and messages as smtpctl shows them: a line for a person, or a JSON object.
 */
#ifndef QUEUE_CONTROL_SHOW_H
#define QUEUE_CONTROL_SHOW_H

#include "common/conf/child.h"
#include "queue/control/select.h"
#include "queue/envelope.h"
#include "queue/store/store.h"

/* Appends a line (without its end) about an envelope; e is NULL when it is not in memory. */
void queue_show_line(struct buf *out, const struct store_envelope *row, struct slice sender,
    const struct queue_envelope *e, bool json);

/* All there is to know of one envelope. False when there is none of that id. */
bool queue_show_envelope(struct control *order, uint64_t id, bool json);

/* The message itself, at the pace of whoever reads (show_message.c). False when there is none,
 * else it ends the order, or this part of its answer. */
bool queue_show_message(struct control *order, uint64_t id);

/* The envelopes that any of the selections has, at that pace, too (show_queue.c). */
void queue_show_queue(
    struct control *order, const struct queue_select *which, size_t count, bool json);

void queue_show_status(struct control *order, bool json);

#endif
