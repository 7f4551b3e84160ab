/*
 * Signatures of bodies, for SEARCH: made when idle or by the first search that reads a body, gone
 * with the body. The number below which signer.c has been through all stands in a counter; whatever
 * is lost of either costs a search the reading of a body.
 */
#include "deliver/mailbox/store/signature.h"

#include "common/mail/charset.h"
#include "deliver/mailbox/search/signature.h"
#include "deliver/mailbox/store/beside.h"
#include "deliver/mailbox/store/message.h"

bool
store_signature(struct store *s, struct store_beside *b, uint64_t body, struct slice *bits)
{
	static const char sql[] = "SELECT body, bits FROM signature WHERE body >= ? ORDER BY body";

	if (!store_beside(s, b, sql, body))
		return false;
	*bits = statement_octets(b->rows, 1);
	return true;
}

void
store_put_signature(
    struct store *s, uint64_t mailbox, const struct store_message *message, struct slice bits)
{
	/* What was read in the pool may be gone by now, and its body's number another's. */
	struct statement *st =
	    db_statement(s->db, "INSERT OR REPLACE INTO signature SELECT body, ? FROM message"
				" WHERE mailbox = ? AND uid = ? AND body = ?");

	/* It is no loss if it is not kept: the next search makes it again. */
	if (!store_has_room(s, bits.len) || !commit_begin(s->commit))
		return;
	statement_bind_octets(st, 1, bits);
	statement_bind_number(st, 2, (int64_t)mailbox);
	statement_bind_number(st, 3, message->uid);
	statement_bind_number(st, 4, (int64_t)message->body);
	statement_run(st);
	commit_soon(s->commit);
}

enum store_result
store_remove_signature(struct store *s, uint64_t body)
{
	struct statement *st = db_statement(s->db, "DELETE FROM signature WHERE body = ?");

	if (s->signing == body)
		s->signing = 0;
	statement_bind_number(st, 1, (int64_t)body);
	return store_result_of(statement_run(st));
}

void
store_check_signatures(struct store *s)
{
	struct statement *st = db_statement(
	    s->db, "UPDATE counter SET value = ? WHERE name = 'signature' AND value <> ?");
	int64_t form = (int64_t)SIGNATURE_FORM << 32 | charset_edition();

	statement_bind_number(st, 1, form);
	statement_bind_number(st, 2, form);
	if (statement_run(st) == DB_DONE && db_changes(s->db) > 0)
		db_exec(s->db, "DELETE FROM signature;"
			       "UPDATE counter SET value = 1 WHERE name = 'signed'");
	st = db_statement(s->db, "SELECT value FROM counter WHERE name = 'signed'");
	if (statement_step(st) == DB_ROW)
		s->signed_below = (uint64_t)statement_number(st, 0);
	statement_reset(st);
}

bool
store_put_signed(struct store *s, uint64_t below)
{
	struct statement *st =
	    db_statement(s->db, "INSERT INTO counter VALUES ('signed', ?)"
				" ON CONFLICT (name) DO UPDATE SET value = excluded.value");

	statement_bind_number(st, 1, (int64_t)below);
	return statement_run(st) == DB_DONE;
}

void
store_has_unsigned(struct store *s, uint64_t body)
{
	if (body < s->signed_below && store_put_signed(s, body))
		s->signed_below = body;
}

bool
store_sign(struct store *s, uint64_t body, struct slice bits)
{
	struct statement *st =
	    db_statement(s->db, "INSERT OR REPLACE INTO signature VALUES (?, ?)");

	statement_bind_number(st, 1, (int64_t)body);
	statement_bind_octets(st, 2, bits);
	return statement_run(st) == DB_DONE;
}

bool
store_each_body(struct store *s, uint64_t from,
    bool (*each)(void *owner, const struct store_body *b), void *owner)
{
	struct statement *st =
	    db_statement(s->db, "SELECT id, size, EXISTS (SELECT 1 FROM signature WHERE body = id)"
				" FROM body WHERE id >= ? ORDER BY id");
	struct store_body b;
	bool goes_on = true;

	statement_bind_number(st, 1, (int64_t)from);
	while (goes_on && statement_step(st) == DB_ROW) {
		b.id = (uint64_t)statement_number(st, 0);
		b.size = (uint64_t)statement_number(st, 1);
		b.is_signed = statement_number(st, 2) != 0;
		goes_on = each(owner, &b);
	}
	statement_reset(st);
	return goes_on;
}
