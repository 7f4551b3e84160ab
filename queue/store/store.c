/*
 * Invariants:
 * 1. No statement stays open behind a function but store_find_*, whose caller ends it.
 * 2. What is read is checked before it is believed: lengths and ranges as they were taken in.
 */
#include "queue/store/store.h"

#include "common/base/limits.h"
#include "common/base/mem.h"
#include "queue/schedule/destination.h"
#include "queue/store/row.h"
#include "queue/store/schema.h"

#include <stdio.h>

enum { PATH = 1100 };

struct store {
	struct db *db;
	struct commit *commit;
	struct statement *message, *envelope; /* of store_find_*(), until store_done() */
};

/* clang-format off */
#define COUNTED(kind, name, least, most, written) +1
#define NAMED(kind, name, least, most, written)   ", " #name
#define OF_E(kind, name, least, most, written)    ", e." #name
#define ASKED(kind, name, least, most, written)   ", ?"
#define CHANGED(kind, name, least, most, written) CHANGED_##written(name)
#define CHANGED_KEPT(name)
#define CHANGED_TRIED(name)                       #name " = ?, "

static const char insert_message[] =
    "INSERT INTO message (id" STORE_MESSAGE_COLUMNS(NAMED) ", octets)"
    " VALUES (?" STORE_MESSAGE_COLUMNS(ASKED) ", ?)";
static const char insert_envelope[] =
    "INSERT INTO envelope (id" STORE_ENVELOPE_COLUMNS(NAMED) ")"
    " VALUES (?" STORE_ENVELOPE_COLUMNS(ASKED) ")";
static const char select_message[] =
    "SELECT id" STORE_MESSAGE_COLUMNS(NAMED) ", octets FROM message WHERE id = ?";
static const char select_envelope[] =
    "SELECT id" STORE_ENVELOPE_COLUMNS(NAMED) " FROM envelope WHERE id = ?";
static const char change_envelope[] =     /* hold stays as it is: it only ends the list */
    "UPDATE envelope SET " STORE_ENVELOPE_COLUMNS(CHANGED) "hold = hold WHERE id = ?";

#define SCAN(sender) \
	"SELECT e.id" STORE_ENVELOPE_COLUMNS(OF_E) ", " sender " FROM envelope e" \
	" WHERE e.id > ?1 AND e.id < ?2 ORDER BY e.id LIMIT ?3"
static const char scan_plain[] = SCAN("''");
static const char scan_with_sender[] =
    SCAN("(SELECT m.sender FROM message m WHERE m.id = e.message)");

enum { SENDER_COLUMN = 1 STORE_ENVELOPE_COLUMNS(COUNTED) };
/* clang-format on */

struct store *
store_open(const char *folder, void (*broken)(void *owner), struct error *why)
{
	struct store *s;
	struct db *db;
	char path[PATH];

	snprintf(path, sizeof(path), "%s/queue.db", folder);
	db = db_open(
	    path, store_migrations, sizeof(store_migrations) / sizeof(store_migrations[0]), why);
	if (db == NULL)
		return NULL;
	s = mem_zero(sizeof(*s));
	s->db = db;
	s->commit = commit_new(db, broken, NULL);
	return s;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	store_done(s);
	commit_free(s->commit);
	db_close(s->db);
	free(s);
}

struct commit *
store_commit(struct store *s)
{
	return s->commit;
}

bool
store_sync(struct store *s)
{
	return db_checkpoint(s->db, 0);
}

const char *
store_failure(const struct store *s)
{
	return db_failure(s->db);
}

enum db_result
store_add_message(struct store *s, const struct store_message *m)
{
	struct statement *q = db_statement(s->db, insert_message);
	int n;

	statement_bind_number(q, 1, (int64_t)m->id);
	n = store_row_bind(q, 2, &store_messages, m);
	if (m->is_file)
		statement_bind_null(q, n);
	else
		statement_bind_octets(q, n, m->octets);
	return statement_run(q);
}

enum db_result
store_add_envelope(struct store *s, const struct store_envelope *e)
{
	struct statement *q = db_statement(s->db, insert_envelope);

	statement_bind_number(q, 1, (int64_t)e->id);
	store_row_bind(q, 2, &store_envelopes, e);
	return statement_run(q);
}

static void
done_with(struct statement **q)
{
	if (*q != NULL)
		statement_reset(*q);
	*q = NULL;
}

void
store_done(struct store *s)
{
	done_with(&s->message);
	done_with(&s->envelope);
}

static bool
message_is_sane(const struct store_message *m)
{
	return store_row_is_sane(&store_messages, m) &&
	       (m->is_file || (m->octets.len == m->size && m->size <= LIMIT_INLINE));
}

static void
read_message(struct statement *q, struct store_message *m)
{
	int n;

	*m = (struct store_message){.id = (uint64_t)statement_number(q, 0)};
	n = store_row_read(q, 1, &store_messages, m);
	m->is_file = statement_is_null(q, n);
	m->octets = statement_octets(q, n);
}

enum db_result
store_find_message(struct store *s, uint64_t id, struct store_message *m)
{
	struct statement *q = db_statement(s->db, select_message);
	enum db_result result;

	statement_bind_number(q, 1, (int64_t)id);
	result = statement_step(q);
	s->message = q;
	if (result != DB_ROW) {
		done_with(&s->message);
		return result;
	}
	read_message(q, m);
	if (message_is_sane(m))
		return DB_ROW;
	done_with(&s->message);
	return DB_CORRUPT;
}

static void
read_envelope(struct statement *q, struct store_envelope *e)
{
	*e = (struct store_envelope){.id = (uint64_t)statement_number(q, 0)};
	store_row_read(q, 1, &store_envelopes, e);
}

bool
store_envelope_is_sane(const struct store_envelope *e)
{
	return store_row_is_sane(&store_envelopes, e) &&
	       (e->action.len > 0) == (e->transport != TRANSPORT_UNROUTED);
}

void
store_cut_envelope(struct store_envelope *e)
{
	store_row_cut(&store_envelopes, e);
}

char *
store_copy_envelope(struct store_envelope *e)
{
	return store_row_copy(&store_envelopes, e);
}

enum db_result
store_find_envelope(struct store *s, uint64_t id, struct store_envelope *e)
{
	struct statement *q = db_statement(s->db, select_envelope);
	enum db_result result;

	statement_bind_number(q, 1, (int64_t)id);
	result = statement_step(q);
	s->envelope = q;
	if (result != DB_ROW) {
		done_with(&s->envelope);
		return result;
	}
	read_envelope(q, e);
	if (store_envelope_is_sane(e))
		return DB_ROW;
	done_with(&s->envelope);
	return DB_CORRUPT;
}

uint64_t
store_message_of(struct store *s, uint64_t envelope)
{
	struct statement *q = db_statement(s->db, "SELECT message FROM envelope WHERE id = ?1");
	uint64_t message = 0;

	statement_bind_number(q, 1, (int64_t)envelope);
	if (statement_step(q) == DB_ROW)
		message = (uint64_t)statement_number(q, 0);
	statement_reset(q);
	return message;
}

bool
store_has_message(struct store *s, uint64_t id)
{
	struct statement *q = db_statement(s->db, "SELECT 1 FROM message WHERE id = ?1");
	bool found;

	statement_bind_number(q, 1, (int64_t)id);
	found = statement_step(q) != DB_DONE;
	statement_reset(q);
	return found;
}

enum db_result
store_remove_message(struct store *s, uint64_t id)
{
	struct statement *q = db_statement(s->db, "DELETE FROM message WHERE id = ?1");

	statement_bind_number(q, 1, (int64_t)id);
	return statement_run(q);
}

enum db_result
store_remove_envelope(struct store *s, uint64_t id)
{
	struct statement *q = db_statement(s->db, "DELETE FROM envelope WHERE id = ?1");

	statement_bind_number(q, 1, (int64_t)id);
	return statement_run(q);
}

enum db_result
store_change_envelope(struct store *s, const struct store_envelope *e)
{
	struct statement *q = db_statement(s->db, change_envelope);
	int n = store_row_bind_tried(q, 1, &store_envelopes, e);

	statement_bind_number(q, n, (int64_t)e->id);
	return statement_run(q);
}

enum db_result
store_hold_envelope(struct store *s, uint64_t id, uint8_t hold)
{
	struct statement *q = db_statement(s->db, "UPDATE envelope SET hold = ?2 WHERE id = ?1");

	statement_bind_number(q, 1, (int64_t)id);
	statement_bind_number(q, 2, hold);
	return statement_run(q);
}

/* The rows of a statement whose first three parameters are after, before and the limit. */
static enum db_result
scan(struct statement *q, uint64_t *after, uint64_t before, int most,
    void (*each)(void *owner, const struct store_envelope *e, struct slice sender), void *owner)
{
	struct store_envelope e;
	enum db_result result;
	int n = 0;

	statement_bind_number(q, 1, (int64_t)*after);
	statement_bind_number(q, 2, (int64_t)before);
	statement_bind_number(q, 3, most);
	while ((result = statement_step(q)) == DB_ROW) {
		read_envelope(q, &e);
		*after = e.id;
		n++;
		each(owner, &e, statement_octets(q, SENDER_COLUMN));
	}
	statement_reset(q);
	return result == DB_DONE && n == most ? DB_ROW : result;
}

struct plain_scan {
	void (*each)(void *owner, const struct store_envelope *e);
	void *owner;
};

static void
without_sender(void *owner, const struct store_envelope *e, struct slice sender)
{
	struct plain_scan *p = owner;

	p->each(p->owner, e);
}

enum db_result
store_scan(struct store *s, uint64_t *after, uint64_t before, int most,
    void (*each)(void *owner, const struct store_envelope *e), void *owner)
{
	struct plain_scan p = {each, owner};

	return scan(db_statement(s->db, scan_plain), after, before, most, without_sender, &p);
}

enum db_result
store_scan_with_sender(struct store *s, uint64_t *after, uint64_t before, int most,
    void (*each)(void *owner, const struct store_envelope *e, struct slice sender), void *owner)
{
	return scan(db_statement(s->db, scan_with_sender), after, before, most, each, owner);
}

uint64_t
store_setting(struct store *s, const char *name)
{
	struct statement *q = db_statement(s->db, "SELECT value FROM setting WHERE name = ?1");
	uint64_t value = 0;

	statement_bind_text(q, 1, slice_of(name));
	if (statement_step(q) == DB_ROW)
		value = (uint64_t)statement_number(q, 0);
	statement_reset(q);
	return value;
}

enum db_result
store_set(struct store *s, const char *name, uint64_t value)
{
	struct statement *q = db_statement(s->db, "INSERT OR REPLACE INTO setting VALUES (?1, ?2)");

	statement_bind_text(q, 1, slice_of(name));
	statement_bind_number(q, 2, (int64_t)value);
	return statement_run(q);
}
