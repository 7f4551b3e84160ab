/*
 * Invariants:
 * 1. What is told of a body stands in its row or in body_index, in one of them: a transaction moves
 *    it. The counter "unmoved" names a body below which no row has it any more.
 * 2. A row that is new has it in body_index, whatever the form.
 * 3. A row that cannot be read stays as it is, and holds up no other: it tells nobody anything.
 */
#include "deliver/mailbox/store/form.h"

#include "common/base/log.h"
#include "deliver/mailbox/store/index.h"

/* On a disk with less nothing is brought over. */
enum { ROOM = 4 * 1024 * 1024 };

static const char slim_body[] =
    "DROP TABLE body;"
    "CREATE TABLE body (id INTEGER PRIMARY KEY, size INTEGER NOT NULL, is_packed INTEGER NOT NULL,"
    " octets BLOB, file TEXT);"
    "CREATE INDEX body_file ON body (file) WHERE file IS NOT NULL;"
    "DELETE FROM counter WHERE name = 'unmoved'";

/* What is asked of many messages at once lies close together, not among their bodies. */
static const char make_index[] =
    "CREATE TABLE body_index (body INTEGER PRIMARY KEY, header_size INTEGER NOT NULL, sent INTEGER,"
    " envelope BLOB NOT NULL, structure BLOB NOT NULL, basic BLOB NOT NULL);"
    "INSERT INTO counter VALUES ('unmoved', 1);"
    "PRAGMA user_version = 7";

/* Until there is room for that table: it needs none. Body, if any, is there before its index. */
static const char stand_in[] =
    "CREATE TEMP VIEW body_index AS"
    " SELECT id AS body, header_size, sent, envelope, structure, basic FROM body;"
    "CREATE TEMP TRIGGER body_index_insert INSTEAD OF INSERT ON body_index BEGIN"
    " UPDATE body SET header_size = NEW.header_size, sent = NEW.sent, envelope = NEW.envelope,"
    " structure = NEW.structure, basic = NEW.basic WHERE id = NEW.body; END;"
    "CREATE TEMP TRIGGER body_index_delete INSTEAD OF DELETE ON body_index BEGIN SELECT 1; END";

static bool
has_row(struct statement *st)
{
	bool found = statement_step(st) == DB_ROW;

	statement_reset(st);
	return found;
}

static bool
is_wide(struct store *s)
{
	return has_row(
	    db_statement(s->db, "SELECT 1 FROM pragma_table_info('body') WHERE name = 'basic'"));
}

static bool
has_index(struct store *s)
{
	return has_row(db_statement(
	    s->db, "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'body_index'"));
}

static bool
whole(struct store *s, const char *sql)
{
	return db_exec(s->db, "BEGIN IMMEDIATE") == DB_DONE && db_exec(s->db, sql) == DB_DONE &&
	       db_exec(s->db, "COMMIT") == DB_DONE;
}

static void
find_unmoved(struct store *s)
{
	struct statement *st =
	    db_statement(s->db, "SELECT value FROM counter WHERE name = 'unmoved'");

	s->unmoved = statement_step(st) == DB_ROW ? (uint64_t)statement_number(st, 0) : 0;
	statement_reset(st);
}

void
store_form_keep(struct store *s)
{
	s->is_wide = is_wide(s);
	s->lacks_index = s->is_wide && !has_index(s);
	if (s->lacks_index && db_exec(s->db, stand_in) != DB_DONE)
		log_error("%s", db_failure(s->db));
	if (s->is_wide && !s->lacks_index)
		find_unmoved(s);
}

bool
store_form_open(struct store *s)
{
	bool is_empty;

	s->is_wide = is_wide(s);
	is_empty = s->is_wide && !has_row(db_statement(s->db, "SELECT 1 FROM body"));
	if (s->is_wide && !has_index(s) && (is_empty || store_has_room(s, ROOM)) &&
	    !whole(s, make_index))
		return false;
	/* So is an account that is new. */
	if (is_empty && !whole(s, slim_body))
		return false;
	store_form_keep(s);
	return true;
}

bool
store_form_is_old(const struct store *s)
{
	return s->lacks_index || s->unmoved != 0;
}

static bool
run(struct statement *st, uint64_t number)
{
	statement_bind_number(st, 1, (int64_t)number);
	return statement_run(st) == DB_DONE;
}

/* Puts what the row tells into body_index. */
static bool
index_row(struct store *s, uint64_t body, struct statement *row)
{
	struct store_index i = {.header_size = (uint64_t)statement_number(row, 0),
	    .sent = statement_is_null(row, 1) ? INT64_MIN : statement_number(row, 1),
	    .envelope = statement_octets(row, 2),
	    .structure = statement_octets(row, 3),
	    .basic = statement_octets(row, 4)};

	return store_index_add(s, body, i.header_size, &i) == STORE_OK;
}

struct portion {
	struct store *store;
	struct moment ends;
	uint64_t next;    /* 0: none is left */
	uint64_t damaged; /* the row at which it ended; 0: none */
};

/* What cannot be read ends the transaction with it. */
static bool
move_row(struct portion *p, uint64_t body)
{
	struct store *s = p->store;
	struct statement *row =
	    db_statement(s->db, "SELECT header_size, sent, envelope, structure, basic FROM body"
				" WHERE id = ? AND basic <> x''");
	enum db_result r;
	bool is_indexed;

	statement_bind_number(row, 1, (int64_t)body);
	r = statement_step(row);
	is_indexed = r == DB_ROW && index_row(s, body, row);
	statement_reset(row);
	p->damaged = r == DB_CORRUPT ? body : 0;
	if (r != DB_ROW)
		return r == DB_DONE;
	return is_indexed && run(db_statement(s->db,
				     "UPDATE body SET envelope = x'', structure = x'', basic = x''"
				     " WHERE id = ?"),
				 body);
}

static bool
find_next(struct portion *p)
{
	struct statement *st =
	    db_statement(p->store->db, "SELECT id FROM body WHERE id >= ? ORDER BY id LIMIT 1");
	enum db_result r;

	statement_bind_number(st, 1, (int64_t)p->next);
	r = statement_step(st);
	p->next = r == DB_ROW ? (uint64_t)statement_number(st, 0) : 0;
	statement_reset(st);
	return r == DB_ROW || r == DB_DONE;
}

static bool
move_portion(void *owner)
{
	struct portion *p = owner;
	struct store *s = p->store;
	struct statement *st =
	    db_statement(s->db, "UPDATE counter SET value = ? WHERE name = 'unmoved'");

	if (s->lacks_index && (db_exec(s->db, "DROP VIEW temp.body_index") != DB_DONE ||
				  db_exec(s->db, make_index) != DB_DONE))
		return false;
	do {
		if (!find_next(p))
			return false;
		if (p->next == 0)
			return db_exec(s->db, "DELETE FROM counter WHERE name = 'unmoved'") ==
			       DB_DONE;
		/* That it was passed over is kept before the next may end all. */
		if (p->next++ == s->damaged)
			break;
		if (!move_row(p, p->next - 1))
			return false;
	} while (!moment_reached(p->ends, moment_now()));
	return run(st, p->next);
}

bool
store_form_portion(struct store *s, struct moment ends)
{
	struct portion p = {.store = s, .ends = ends, .next = s->unmoved};

	if (!store_has_room(s, ROOM))
		return false;
	if (!commit_aside(s->commit, move_portion, &p)) {
		if (p.damaged == 0)
			return false;
		log_error("%s: body %llu cannot be read", s->folder, (unsigned long long)p.damaged);
		s->damaged = p.damaged;
		return true;
	}
	s->lacks_index = false;
	s->unmoved = p.next;
	return true;
}
