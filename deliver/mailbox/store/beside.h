/*
 * A walk over rows about bodies, beside one over messages. Zeroed, it begins; it is ended before the
 * turn of the loop is.
 */
#ifndef DELIVER_MAILBOX_STORE_BESIDE_H
#define DELIVER_MAILBOX_STORE_BESIDE_H

#include "deliver/mailbox/store/store.h"

struct store_beside {
	struct statement *rows; /* NULL: it stands nowhere */
	uint64_t asked, at;     /* bodies: the last that was asked for, the next that has a row */
};

/* Whether there is a row of that body, at which b->rows then stands until the next call. The text,
 * always the same of one walk, has the body as its first column: "SELECT body, … WHERE body >= ?
 * ORDER BY body". */
bool store_beside(struct store *s, struct store_beside *b, const char *sql, uint64_t body);
void store_beside_end(struct store_beside *b);

#endif
