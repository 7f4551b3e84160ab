/*
 * Signatures of bodies, for SEARCH: made by the first search that reads a body, gone with the body.
 */
#include "deliver/mailbox/store.h"

#include "common/mail/charset.h"
#include "deliver/mailbox/signature.h"

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
		db_exec(s->db, "DELETE FROM signature");
}
