/*
 * Rows about bodies, read beside a walk over messages: in the order of bodies, which nearly is that
 * of UIDs, so that a walk over a mailbox hardly ever looks one up.
 */
#include "deliver/mailbox/store/beside.h"

enum { STEPS = 16 }; /* over bodies of other mailboxes, before it is looked up instead */

void
store_beside_end(struct store_beside *b)
{
	if (b->rows != NULL)
		statement_reset(b->rows);
	*b = (struct store_beside){.rows = NULL};
}

/* What comes after an error may be whole again: the next is looked up. */
static void
next(struct store_beside *b)
{
	enum db_result r = statement_step(b->rows);

	b->at = r == DB_ROW ? (uint64_t)statement_number(b->rows, 0) : UINT64_MAX;
	if (r != DB_ROW && r != DB_DONE)
		store_beside_end(b);
}

static void
look_up(struct store *s, struct store_beside *b, const char *sql, uint64_t body)
{
	b->rows = db_statement(s->db, sql);
	statement_bind_number(b->rows, 1, (int64_t)body);
	next(b);
}

bool
store_beside(struct store *s, struct store_beside *b, const char *sql, uint64_t body)
{
	if (b->rows == NULL || body < b->asked)
		look_up(s, b, sql, body);
	for (int i = 0; i < STEPS && b->rows != NULL && b->at < body; i++)
		next(b);
	if (b->rows != NULL && b->at < body)
		look_up(s, b, sql, body);
	b->asked = body;
	return b->rows != NULL && b->at == body;
}
