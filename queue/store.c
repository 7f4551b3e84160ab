/*
 * Invariants:
 * 1. No statement stays open behind a function but store_find_*, whose caller ends it.
 * 2. What is read is checked before it is believed: lengths and ranges as they were taken in.
 */
#include "queue/store.h"

#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/ipc/listener_queue.h"
#include "queue/destination.h"
#include "queue/expire.h"
#include "queue/store_schema.h"

#include <stdio.h>
#include <string.h>

enum { PATH = 1100, REPLY_MOST = 1000, STATUS_MOST = 16, TARGET_MOST = 1024 };

struct store {
	struct db *db;
	struct commit *commit;
	struct statement *message, *envelope; /* of store_find_*(), until store_done() */
};

#define ENVELOPE_COLUMNS \
	"e.id, e.message, e.transport, e.mailbox, e.notify, e.hold, e.warned, e.tries, " \
	"e.next_try, e.age, e.written, e.action, e.address, e.user, e.target, e.original, " \
	"e.orcpt, e.status, e.reply, e.mta"

enum { SENDER_COLUMN = 20 };

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
	struct statement *q = db_statement(
	    s->db, "INSERT INTO message VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");

	statement_bind_number(q, 1, (int64_t)m->id);
	statement_bind_number(q, 2, m->arrival);
	statement_bind_text(q, 3, m->sender);
	statement_bind_number(q, 4, m->flags);
	statement_bind_number(q, 5, m->ret);
	statement_bind_text(q, 6, m->envid);
	statement_bind_text(q, 7, m->user);
	statement_bind_text(q, 8, m->client);
	statement_bind_text(q, 9, m->helo);
	statement_bind_number(q, 10, (int64_t)m->size);
	if (m->is_file)
		statement_bind_null(q, 11);
	else
		statement_bind_octets(q, 11, m->octets);
	return statement_run(q);
}

enum db_result
store_add_envelope(struct store *s, const struct store_envelope *e)
{
	struct statement *q = db_statement(s->db,
	    "INSERT INTO envelope VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
	    " ?14, ?15, ?16, ?17, ?18, ?19, ?20)");
	const struct slice texts[] = {e->action, e->address, e->user, e->target, e->original,
	    e->orcpt, e->status, e->reply, e->mta};
	const int64_t numbers[] = {(int64_t)e->id, (int64_t)e->message, e->transport, e->mailbox,
	    e->notify, e->hold, e->warned, e->tries, e->next_try, e->age, e->written};
	int n = 1;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		statement_bind_number(q, n++, numbers[i]);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		statement_bind_text(q, n++, texts[i]);
	return statement_run(q);
}

void
store_done(struct store *s)
{
	if (s->message != NULL)
		statement_reset(s->message);
	if (s->envelope != NULL)
		statement_reset(s->envelope);
	s->message = s->envelope = NULL;
}

/* A number of one octet; what is none becomes 255, which no column may hold. */
static uint8_t
small(struct statement *q, int column)
{
	int64_t n = statement_number(q, column);

	return n < 0 || n > UINT8_MAX ? UINT8_MAX : (uint8_t)n;
}

static bool
message_is_sane(const struct store_message *m)
{
	return m->sender.len <= LIMIT_PATH && utf8_is_valid(m->sender) && utf8_is_valid(m->envid) &&
	       m->envid.len <= LIMIT_ENVID && m->ret <= RET_HDRS && m->flags <= 7 &&
	       m->size <= INT32_MAX &&
	       (m->is_file || (m->octets.len == m->size && m->size <= LIMIT_INLINE));
}

enum db_result
store_find_message(struct store *s, uint64_t id, struct store_message *m)
{
	struct statement *q = db_statement(s->db,
	    "SELECT arrival, sender, flags, ret, envid, user, client, helo, size, octets"
	    " FROM message WHERE id = ?1");
	enum db_result result;

	statement_bind_number(q, 1, (int64_t)id);
	result = statement_step(q);
	s->message = q;
	if (result != DB_ROW) {
		store_done(s);
		return result;
	}
	*m = (struct store_message){.id = id,
	    .arrival = statement_number(q, 0),
	    .sender = statement_octets(q, 1),
	    .flags = small(q, 2),
	    .ret = small(q, 3),
	    .envid = statement_octets(q, 4),
	    .user = statement_octets(q, 5),
	    .client = statement_octets(q, 6),
	    .helo = statement_octets(q, 7),
	    .size = (uint64_t)statement_number(q, 8),
	    .is_file = statement_is_null(q, 9),
	    .octets = statement_octets(q, 9)};
	if (message_is_sane(m))
		return DB_ROW;
	store_done(s);
	return DB_CORRUPT;
}

static void
read_envelope(struct statement *q, struct store_envelope *e)
{
	*e = (struct store_envelope){.id = (uint64_t)statement_number(q, 0),
	    .message = (uint64_t)statement_number(q, 1),
	    .transport = small(q, 2),
	    .mailbox = small(q, 3),
	    .notify = small(q, 4),
	    .hold = small(q, 5),
	    .warned = small(q, 6),
	    .tries = (uint16_t)statement_number(q, 7),
	    .next_try = statement_number(q, 8),
	    .age = statement_number(q, 9),
	    .written = statement_number(q, 10),
	    .action = statement_octets(q, 11),
	    .address = statement_octets(q, 12),
	    .user = statement_octets(q, 13),
	    .target = statement_octets(q, 14),
	    .original = statement_octets(q, 15),
	    .orcpt = statement_octets(q, 16),
	    .status = statement_octets(q, 17),
	    .reply = statement_octets(q, 18),
	    .mta = statement_octets(q, 19)};
}

/* What was taken in was UTF-8 (schema.h), and what is sent must be. */
static bool
texts_are_valid(const struct store_envelope *e)
{
	return utf8_is_valid(e->action) && utf8_is_valid(e->address) && utf8_is_valid(e->user) &&
	       utf8_is_valid(e->target) && utf8_is_valid(e->original) && utf8_is_valid(e->orcpt);
}

bool
store_envelope_is_sane(const struct store_envelope *e)
{
	return texts_are_valid(e) && e->transport < TRANSPORT_COUNT && e->mailbox < 64 &&
	       e->notify <= 15 && e->hold <= HOLD_DAMAGE && e->warned <= EXPIRE_WARNINGS &&
	       (e->action.len > 0) == (e->transport != TRANSPORT_UNROUTED) &&
	       e->action.len <= LIMIT_ACTION && e->address.len > 0 &&
	       e->address.len <= LIMIT_PATH && e->user.len <= LIMIT_USER &&
	       e->target.len <= TARGET_MOST && e->original.len > 0 &&
	       e->original.len <= LIMIT_PATH && e->orcpt.len <= LIMIT_ORCPT &&
	       e->status.len <= STATUS_MOST && e->reply.len <= REPLY_MOST &&
	       e->mta.len <= LIMIT_HOSTNAME;
}

char *
store_copy_envelope(struct store_envelope *e)
{
	struct slice *texts[] = {&e->action, &e->address, &e->user, &e->target, &e->original,
	    &e->orcpt, &e->status, &e->reply, &e->mta};
	size_t total = 1, at = 0;
	char *octets;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		total += texts[i]->len;
	octets = mem_zero(total);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i]->len > 0)
			memcpy(octets + at, texts[i]->data, texts[i]->len);
		texts[i]->data = octets + at;
		at += texts[i]->len;
	}
	return octets;
}

enum db_result
store_find_envelope(struct store *s, uint64_t id, struct store_envelope *e)
{
	struct statement *q =
	    db_statement(s->db, "SELECT " ENVELOPE_COLUMNS " FROM envelope e WHERE id = ?1");
	enum db_result result;

	statement_bind_number(q, 1, (int64_t)id);
	result = statement_step(q);
	s->envelope = q;
	if (result != DB_ROW) {
		store_done(s);
		return result;
	}
	read_envelope(q, e);
	if (store_envelope_is_sane(e))
		return DB_ROW;
	store_done(s);
	return DB_CORRUPT;
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
	struct statement *q = db_statement(s->db,
	    "UPDATE envelope SET tries = ?2, next_try = ?3, age = ?4, written = ?5, warned = ?6,"
	    " status = ?7, reply = ?8, mta = ?9 WHERE id = ?1");

	statement_bind_number(q, 1, (int64_t)e->id);
	statement_bind_number(q, 2, e->tries);
	statement_bind_number(q, 3, e->next_try);
	statement_bind_number(q, 4, e->age);
	statement_bind_number(q, 5, e->written);
	statement_bind_number(q, 6, e->warned);
	statement_bind_text(q, 7, e->status);
	statement_bind_text(q, 8, e->reply);
	statement_bind_text(q, 9, e->mta);
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

	return scan(db_statement(s->db, "SELECT " ENVELOPE_COLUMNS ", '' FROM envelope e"
					" WHERE e.id > ?1 AND e.id < ?2 ORDER BY e.id LIMIT ?3"),
	    after, before, most, without_sender, &p);
}

enum db_result
store_scan_with_sender(struct store *s, uint64_t *after, uint64_t before, int most,
    void (*each)(void *owner, const struct store_envelope *e, struct slice sender), void *owner)
{
	return scan(db_statement(s->db,
			"SELECT " ENVELOPE_COLUMNS
			", (SELECT m.sender FROM message m WHERE m.id = e.message) FROM envelope e"
			" WHERE e.id > ?1 AND e.id < ?2 ORDER BY e.id LIMIT ?3"),
	    after, before, most, each, owner);
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
