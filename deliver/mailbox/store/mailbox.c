#include "deliver/mailbox/store/mailbox.h"

#include "deliver/mailbox/store/body.h"
#include "deliver/mailbox/store/message.h"

#include <stdio.h>
#include <string.h>

static enum store_result
read_mailbox(struct statement *st, struct store_mailbox *m)
{
	enum db_result r = statement_step(st);

	if (r == DB_ROW) {
		*m = (struct store_mailbox){.id = (uint64_t)statement_number(st, 0),
		    .uidvalidity = (uint32_t)statement_number(st, 2),
		    .uidnext = (uint32_t)statement_number(st, 3),
		    .recent = (uint32_t)statement_number(st, 4),
		    .is_noselect = statement_number(st, 5) != 0};
		slice_copy(statement_octets(st, 1), m->name, sizeof(m->name));
	}
	statement_reset(st);
	return r == DB_ROW ? STORE_OK : r == DB_DONE ? STORE_NONE : STORE_BROKEN;
}

enum store_result
store_find(struct store *s, const char *name, struct store_mailbox *m)
{
	struct statement *st = db_statement(s->db,
	    "SELECT id, name, uidvalidity, uidnext, recent, noselect FROM mailbox WHERE name = ?");

	statement_bind_text(st, 1, slice_of(name));
	return read_mailbox(st, m);
}

enum store_result
store_find_id(struct store *s, uint64_t id, struct store_mailbox *m)
{
	struct statement *st = db_statement(s->db,
	    "SELECT id, name, uidvalidity, uidnext, recent, noselect FROM mailbox WHERE id = ?");

	statement_bind_number(st, 1, (int64_t)id);
	return read_mailbox(st, m);
}

/* From the account's counter, which outlives every mailbox, so that no value comes twice. */
static int64_t
next_uidvalidity(struct store *s)
{
	struct statement *up =
	    db_statement(s->db, "UPDATE counter SET value = value + 1 WHERE name = 'uidvalidity'");
	struct statement *get =
	    db_statement(s->db, "SELECT value FROM counter WHERE name = 'uidvalidity'");
	int64_t value = 0;

	if (statement_run(up) == DB_DONE && statement_step(get) == DB_ROW)
		value = statement_number(get, 0);
	statement_reset(get);
	return value;
}

static int64_t
count_rows(struct statement *st)
{
	int64_t n = statement_step(st) == DB_ROW ? statement_number(st, 0) : 0;

	statement_reset(st);
	return n;
}

/* Of a change that gives a name, which somebody may have. */
static enum store_result
named(enum db_result r)
{
	return r == DB_CONSTRAINT ? STORE_EXISTS : store_result_of(r);
}

static enum store_result
create_one(struct store *s, const char *name, struct slice special_use)
{
	struct statement *st = db_statement(
	    s->db, "INSERT INTO mailbox (name, uidvalidity, special_use) VALUES (?, ?, ?)");

	if (count_rows(db_statement(s->db, "SELECT count(*) FROM mailbox")) >= LIMIT_MAILBOXES)
		return STORE_LIMIT;
	statement_bind_text(st, 1, slice_of(name));
	statement_bind_number(st, 2, next_uidvalidity(s));
	statement_bind_text(st, 3, special_use);
	return named(statement_run(st));
}

/* The levels above a new name come into being with it (RFC 9051 6.3.4). */
static enum store_result
create_parents(struct store *s, const char *name)
{
	char parent[STORE_NAME];
	struct store_mailbox m;

	for (size_t i = 1; name[i] != '\0'; i++) {
		enum store_result r;

		if (name[i] != '/')
			continue;
		snprintf(parent, sizeof(parent), "%.*s", (int)i, name);
		r = store_find(s, parent, &m) == STORE_OK ? STORE_OK
							  : create_one(s, parent, SLICE(""));
		if (r != STORE_OK)
			return r;
	}
	return STORE_OK;
}

static enum store_result
create(struct store *s, const char *name, struct slice special_use)
{
	struct statement *revive;
	struct store_mailbox m;
	enum store_result r;

	if (store_find(s, name, &m) == STORE_OK) {
		if (!m.is_noselect)
			return STORE_EXISTS;
		revive = db_statement(
		    s->db, "UPDATE mailbox SET noselect = 0, special_use = ? WHERE id = ?");
		statement_bind_text(revive, 1, special_use);
		statement_bind_number(revive, 2, (int64_t)m.id);
		return statement_run(revive) == DB_DONE ? STORE_OK : STORE_BROKEN;
	}
	r = create_parents(s, name);
	return r == STORE_OK ? create_one(s, name, special_use) : r;
}

enum store_result
store_create(struct store *s, const char *name, struct slice special_use)
{
	return store_begin(s) ? store_end(s, create(s, name, special_use)) : STORE_BROKEN;
}

static bool
has_children(struct store *s, const char *name)
{
	struct statement *st = db_statement(
	    s->db, "SELECT 1 FROM mailbox WHERE name > ? || '/' AND name < ? || '0' LIMIT 1");
	bool found;

	statement_bind_text(st, 1, slice_of(name));
	statement_bind_text(st, 2, slice_of(name));
	found = statement_step(st) == DB_ROW;
	statement_reset(st);
	return found;
}

/* Messages that a mailbox's removal takes out at a time. */
struct portion {
	uint64_t bodies[256];
	size_t count;
	uint32_t last; /* uid */
};

static bool
on_body(void *owner, const struct store_message *m)
{
	struct portion *p = owner;

	p->bodies[p->count++] = m->body;
	p->last = m->uid;
	return p->count < sizeof(p->bodies) / sizeof(p->bodies[0]);
}

/* Runs a statement whose only parameter is the mailbox's id. */
static enum store_result
run_for(struct statement *st, uint64_t id)
{
	statement_bind_number(st, 1, (int64_t)id);
	return store_result_of(statement_run(st));
}

static enum store_result
empty_portion(struct store *s, uint64_t id, bool *is_empty)
{
	struct statement *del =
	    db_statement(s->db, "DELETE FROM message WHERE mailbox = ? AND uid <= ?");
	unsigned errors = db_errors(s->db);
	struct portion p = {.count = 0};
	enum store_result r;

	store_each(s, id, 1, UINT32_MAX, on_body, &p);
	if (db_errors(s->db) != errors)
		return STORE_BROKEN;
	*is_empty = p.count == 0;
	if (*is_empty)
		return run_for(db_statement(s->db, "DELETE FROM removed WHERE mailbox = ?"), id);
	statement_bind_number(del, 1, (int64_t)id);
	statement_bind_number(del, 2, p.last);
	r = store_result_of(statement_run(del));
	for (size_t i = 0; i < p.count && r == STORE_OK; i++)
		r = store_body_release(s, p.bodies[i]);
	return r;
}

enum store_result
store_empty_removed(struct store *s, uint64_t id, bool *is_empty)
{
	*is_empty = false;
	return store_begin(s) ? store_end(s, empty_portion(s, id, is_empty)) : STORE_BROKEN;
}

uint64_t
store_first_removed(struct store *s)
{
	struct statement *st = db_statement(s->db, "SELECT mailbox FROM removed LIMIT 1");
	uint64_t id = statement_step(st) == DB_ROW ? (uint64_t)statement_number(st, 0) : 0;

	statement_reset(st);
	return id;
}

/* Keeps the highest modseq of a mailbox that goes. */
static enum store_result
keep_modseq(struct store *s)
{
	struct statement *st =
	    db_statement(s->db, "UPDATE counter SET value = ? WHERE name = 'modseq'");

	statement_bind_number(st, 1, (int64_t)s->modseq);
	return store_result_of(statement_run(st));
}

/* Stands where a mailbox was whose levels below stay. It is another one: who knew the old by its id
 * must not find it again, with messages that are gone. */
static enum store_result
put_placeholder(struct store *s, const char *name)
{
	struct statement *st =
	    db_statement(s->db, "UPDATE mailbox SET noselect = 1 WHERE name = ?");
	enum store_result r = create_one(s, name, SLICE(""));

	if (r != STORE_OK)
		return r;
	statement_bind_text(st, 1, slice_of(name));
	return store_result_of(statement_run(st));
}

static enum store_result
remove_one(struct store *s, const char *name, uint64_t *id)
{
	struct store_mailbox m;
	enum store_result r;
	bool is_parent;

	if (strcmp(name, "INBOX") == 0)
		return STORE_CANNOT;
	r = store_find(s, name, &m);
	if (r != STORE_OK)
		return r;
	is_parent = has_children(s, name);
	if (is_parent && m.is_noselect)
		return STORE_CANNOT;
	*id = m.id;
	r = run_for(db_statement(s->db, "INSERT INTO removed VALUES (?)"), m.id);
	if (r == STORE_OK)
		r = keep_modseq(s);
	if (r == STORE_OK)
		r = run_for(db_statement(s->db, "DELETE FROM expunged WHERE mailbox = ?"), m.id);
	if (r == STORE_OK)
		r = run_for(db_statement(s->db, "DELETE FROM mailbox WHERE id = ?"), m.id);
	return r == STORE_OK && is_parent ? put_placeholder(s, name) : r;
}

enum store_result
store_remove(struct store *s, const char *name, uint64_t *id)
{
	return store_begin(s) ? store_end(s, remove_one(s, name, id)) : STORE_BROKEN;
}

/* Levels of a name after the first. */
static int64_t
depth(const char *name)
{
	int64_t n = 0;

	for (; *name != '\0'; name++)
		n += *name == '/';
	return n;
}

/* Whether a level below would get a name that is too long, or lie too deep. */
static bool
are_children_beyond(struct store *s, const char *from, const char *to)
{
	struct statement *st =
	    db_statement(s->db, "SELECT 1 FROM mailbox WHERE name > ? || '/' AND name < ? || '0'"
				" AND (length(CAST(name AS BLOB)) > ?"
				" OR length(name) - length(replace(name, '/', '')) >= ?) LIMIT 1");
	bool found;

	statement_bind_text(st, 1, slice_of(from));
	statement_bind_text(st, 2, slice_of(from));
	statement_bind_number(
	    st, 3, (int64_t)LIMIT_MAILBOX_NAME + (int64_t)strlen(from) - (int64_t)strlen(to));
	statement_bind_number(st, 4, LIMIT_MAILBOX_DEPTH + depth(from) - depth(to));
	found = statement_step(st) == DB_ROW;
	statement_reset(st);
	return found;
}

static enum store_result
rename_one(struct store *s, const char *from, const char *to)
{
	struct statement *st;
	struct store_mailbox m;
	enum store_result r;
	size_t len = strlen(from);

	r = store_find(s, from, &m);
	if (r != STORE_OK)
		return r;
	if (store_find(s, to, &m) == STORE_OK)
		return STORE_EXISTS;
	if (strcmp(from, "INBOX") == 0 || (strncmp(to, from, len) == 0 && to[len] == '/'))
		return STORE_CANNOT;
	if (are_children_beyond(s, from, to))
		return STORE_CANNOT;
	r = create_parents(s, to);
	if (r != STORE_OK)
		return r;
	st = db_statement(s->db,
	    "UPDATE mailbox SET name = ? || CAST(substr(CAST(name AS BLOB), ?) AS TEXT)"
	    " WHERE name = ? OR (name > ? || '/' AND name < ? || '0')");
	statement_bind_text(st, 1, slice_of(to));
	statement_bind_number(st, 2, (int64_t)len + 1);
	statement_bind_text(st, 3, slice_of(from));
	statement_bind_text(st, 4, slice_of(from));
	statement_bind_text(st, 5, slice_of(from));
	return named(statement_run(st));
}

enum store_result
store_rename(struct store *s, const char *from, const char *to)
{
	return store_begin(s) ? store_end(s, rename_one(s, from, to)) : STORE_BROKEN;
}

static bool
is_full_of_subscriptions(struct store *s)
{
	return count_rows(db_statement(s->db, "SELECT count(*) FROM subscription")) >=
	       LIMIT_MAILBOXES;
}

static bool
is_subscribed(struct store *s, const char *name)
{
	struct statement *st =
	    db_statement(s->db, "SELECT count(*) FROM subscription WHERE name = ?");

	statement_bind_text(st, 1, slice_of(name));
	return count_rows(st) > 0;
}

enum store_result
store_subscribe(struct store *s, const char *name, bool on)
{
	struct statement *st =
	    on ? db_statement(s->db, "INSERT OR IGNORE INTO subscription VALUES (?)")
	       : db_statement(s->db, "DELETE FROM subscription WHERE name = ?");

	if (on && is_full_of_subscriptions(s) && !is_subscribed(s, name))
		return STORE_LIMIT;
	if (!commit_begin(s->commit))
		return STORE_BROKEN;
	statement_bind_text(st, 1, slice_of(name));
	return store_result_of(statement_run(st));
}

/* A mailbox is told when the next is known, which mostly shows whether there are some below it. */
struct listed {
	struct am_mailbox box; /* mailbox 0: none yet */
	char name[STORE_NAME];
	struct buf special_use;
};

/* Whether a name that is not in the order of names before this one may stand between it and those
 * below it, as "a-b" does between "a" and "a/b"; *is_below: it is such a one itself. */
static bool
is_before_children(struct slice name, struct slice next, bool *is_below)
{
	int order = memcmp(name.data, next.data, name.len < next.len ? name.len : next.len);
	bool goes_on = order == 0 && next.len > name.len;

	*is_below = goes_on && next.data[name.len] == '/';
	return goes_on && (unsigned char)next.data[name.len] < '/';
}

static void
tell_listed(struct store *s, struct listed *l, struct slice next,
    void (*each)(void *owner, const struct am_mailbox *m), void *owner)
{
	bool is_below;

	if (l->box.mailbox == 0)
		return;
	if (is_before_children(l->box.name, next, &is_below))
		is_below = has_children(s, l->name);
	l->box.flags |= is_below ? MAILBOX_HASCHILDREN : 0;
	each(owner, &l->box);
}

static void
read_listed(struct statement *st, struct listed *l)
{
	slice_copy(statement_octets(st, 1), l->name, sizeof(l->name));
	buf_clear(&l->special_use);
	buf_add_slice(&l->special_use, statement_octets(st, 3));
	l->box = (struct am_mailbox){.mailbox = (uint64_t)statement_number(st, 0),
	    .name = slice_of(l->name),
	    .special_use = buf_slice(&l->special_use),
	    .flags = (uint8_t)((statement_number(st, 2) ? MAILBOX_NOSELECT : 0) |
			       (statement_number(st, 4) ? MAILBOX_SUBSCRIBED : 0))};
}

void
store_list(struct store *s, void (*each)(void *owner, const struct am_mailbox *m), void *owner)
{
	struct statement *st =
	    db_statement(s->db, "SELECT m.id, m.name, m.noselect, m.special_use, p.name IS NOT NULL"
				" FROM mailbox m LEFT JOIN subscription p ON p.name = m.name"
				" ORDER BY m.name");
	struct statement *gone = db_statement(s->db, "SELECT name FROM subscription WHERE name NOT "
						     "IN (SELECT name FROM mailbox) ORDER BY name");
	struct listed l = {.name = ""};

	while (statement_step(st) == DB_ROW) {
		tell_listed(s, &l, statement_octets(st, 1), each, owner);
		read_listed(st, &l);
	}
	tell_listed(s, &l, SLICE(""), each, owner);
	statement_reset(st);
	buf_fini(&l.special_use);
	while (statement_step(gone) == DB_ROW) {
		struct am_mailbox m = {.name = statement_octets(gone, 0),
		    .flags = MAILBOX_SUBSCRIBED | MAILBOX_NONEXISTENT};

		each(owner, &m);
	}
	statement_reset(gone);
}

bool
store_status(struct store *s, const struct store_mailbox *m, struct am_status_is *is)
{
	struct statement *st = db_statement(s->db,
	    "SELECT count(*), sum(flags & 1 = 0), sum(uid >= ?), sum(flags & 8 != 0),"
	    " sum(size) FROM message WHERE mailbox = ?");
	bool ok;

	statement_bind_number(st, 1, m->recent);
	statement_bind_number(st, 2, (int64_t)m->id);
	ok = statement_step(st) == DB_ROW;
	*is = (struct am_status_is){.mailbox = m->id,
	    .uidvalidity = m->uidvalidity,
	    .uidnext = m->uidnext,
	    .modseq = s->modseq};
	if (ok) {
		is->messages = (uint32_t)statement_number(st, 0);
		is->unseen = (uint32_t)statement_number(st, 1);
		is->recent = (uint32_t)statement_number(st, 2);
		is->deleted = (uint32_t)statement_number(st, 3);
		is->size = (uint64_t)statement_number(st, 4);
	}
	statement_reset(st);
	return ok;
}

void
store_seen_recent(struct store *s, const struct store_mailbox *m)
{
	struct statement *st =
	    db_statement(s->db, "UPDATE mailbox SET recent = max(recent, ?) WHERE id = ?");

	if (m->recent == m->uidnext || !commit_begin(s->commit))
		return;
	statement_bind_number(st, 1, m->uidnext);
	statement_bind_number(st, 2, (int64_t)m->id);
	statement_run(st);
	commit_soon(s->commit);
}
