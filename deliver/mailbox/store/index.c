/*
 * What clients ask of a message before they read it, made once as it comes: envelope and structure,
 * as IMAP sends them. It has a table of its own: among the bodies each would lie on another page.
 */
#include "deliver/mailbox/store/index.h"

#include "common/ipc/any_mailbox.h"
#include "common/mail/bodystructure.h"
#include "common/mail/date.h"
#include "common/mail/envelope.h"
#include "common/mail/header.h"
#include "deliver/mailbox/store/beside.h"

void
store_index_fini(struct store_index *i)
{
	buf_fini(&i->octets);
}

/* The three stand behind each other in its octets. */
static void
point(struct store_index *i, size_t envelope, size_t structure)
{
	struct slice all = buf_slice(&i->octets);

	i->envelope = slice_sub(all, 0, envelope);
	i->structure = slice_sub(all, envelope, structure - envelope);
	i->basic = slice_from(all, structure);
}

void
store_index_make(struct slice message, struct store_index *i)
{
	struct mime mime;
	struct slice value;
	struct date date;
	size_t envelope, structure;

	*i = (struct store_index){.sent = INT64_MIN, .header_size = header_body(message)};
	mime_init(&mime, message);
	envelope_write(&i->octets, message, AM_INDEX);
	envelope = i->octets.len;
	bodystructure_write(&i->octets, &mime, BODYSTRUCTURE_FULL, AM_INDEX);
	structure = i->octets.len;
	bodystructure_write(&i->octets, &mime, BODYSTRUCTURE_BODY, AM_INDEX);
	mime_fini(&mime);
	point(i, envelope, structure);
	if (header_find(message, SLICE("Date"), &value) && date_parse(value, &date))
		i->sent = date_day(date);
}

bool
store_index_beside(struct store *s, struct store_beside *b, uint64_t body, struct store_index *i)
{
	static const char sql[] = "SELECT body, header_size, sent, envelope, structure, basic"
				  " FROM body_index WHERE body >= ? ORDER BY body";
	/* Some still stand in an older form (form.h). */
	static const char both[] =
	    "SELECT body, header_size, sent, envelope, structure, basic FROM body_index"
	    " WHERE body >= ?1 UNION ALL SELECT id, header_size, sent, envelope, structure, basic"
	    " FROM body WHERE id >= ?1 AND basic <> x'' ORDER BY 1";

	*i = (struct store_index){.sent = INT64_MIN};
	if (!store_beside(s, b, s->unmoved == 0 ? sql : both, body))
		return false;
	i->header_size = (uint64_t)statement_number(b->rows, 1);
	if (!statement_is_null(b->rows, 2))
		i->sent = statement_number(b->rows, 2);
	i->envelope = statement_octets(b->rows, 3);
	i->structure = statement_octets(b->rows, 4);
	i->basic = statement_octets(b->rows, 5);
	return true;
}

bool
store_index(struct store *s, uint64_t body, struct store_index *i)
{
	struct store_beside beside = {.rows = NULL};
	bool found = store_index_beside(s, &beside, body, i);

	buf_add_slice(&i->octets, i->envelope);
	buf_add_slice(&i->octets, i->structure);
	buf_add_slice(&i->octets, i->basic);
	point(i, i->envelope.len, i->envelope.len + i->structure.len);
	store_beside_end(&beside);
	return found;
}

enum store_result
store_index_add(struct store *s, uint64_t body, uint64_t header_size, const struct store_index *i)
{
	struct statement *st =
	    db_statement(s->db, "INSERT INTO body_index VALUES (?, ?, ?, ?, ?, ?)");

	statement_bind_number(st, 1, (int64_t)body);
	statement_bind_number(st, 2, (int64_t)header_size);
	if (i->sent == INT64_MIN)
		statement_bind_null(st, 3);
	else
		statement_bind_number(st, 3, i->sent);
	statement_bind_octets(st, 4, i->envelope);
	statement_bind_octets(st, 5, i->structure);
	statement_bind_octets(st, 6, i->basic);
	return store_result_of(statement_run(st));
}

enum store_result
store_index_remove(struct store *s, uint64_t body)
{
	struct statement *st = db_statement(s->db, "DELETE FROM body_index WHERE body = ?");

	statement_bind_number(st, 1, (int64_t)body);
	return store_result_of(statement_run(st));
}
