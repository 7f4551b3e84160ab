/*
 * Which envelopes an order is about.
 */
#ifndef QUEUE_CONTROL_SELECT_H
#define QUEUE_CONTROL_SELECT_H

#include "common/base/limits.h"
#include "queue/store/store.h"

enum select_kind { SELECT_ALL, SELECT_ID, SELECT_FROM, SELECT_TO, SELECT_DOMAIN };

struct queue_select {
	enum select_kind kind;
	uint64_t id; /* of a message or an envelope */
	char text[LIMIT_PATH + 1];
};

/* Takes one selection off the words; false, and a sentence, when it is none. */
bool queue_select_take(
    struct queue_select *s, struct slice words[], size_t count, size_t *at, struct error *why);

/* Whether a row is one of those; and whether it is one of those that any of so many selections
 * means. */
bool queue_select_has(
    const struct queue_select *s, const struct store_envelope *e, struct slice sender);
bool queue_select_has_any(const struct queue_select *which, size_t count,
    const struct store_envelope *e, struct slice sender);

#endif
