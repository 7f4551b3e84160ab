#include "deliver/mailbox/store/store.h"

#include "common/base/log.h"
#include "common/base/moment.h"
#include "deliver/mailbox/store/body.h"
#include "deliver/mailbox/store/form.h"
#include "deliver/mailbox/store/keyword.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/signature.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char *const schema[] = {
    "CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO counter VALUES ('modseq', 1), ('uidvalidity', 0);"
    "CREATE TABLE mailbox (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, "
    "uidvalidity INTEGER NOT NULL,"
    " uidnext INTEGER NOT NULL DEFAULT 1, recent INTEGER NOT NULL DEFAULT 1, noselect INTEGER NOT "
    "NULL DEFAULT 0,"
    " special_use TEXT NOT NULL DEFAULT '');"
    "CREATE TABLE subscription (name TEXT PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE keyword_set (id INTEGER PRIMARY KEY, words BLOB NOT NULL UNIQUE);"
    "CREATE TABLE body (id INTEGER PRIMARY KEY AUTOINCREMENT, size INTEGER NOT NULL, is_packed "
    "INTEGER NOT NULL,"
    " octets BLOB, file TEXT, header_size INTEGER NOT NULL, sent INTEGER, envelope BLOB NOT NULL,"
    " structure BLOB NOT NULL, basic BLOB NOT NULL);"
    "CREATE TABLE message (mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, modseq INTEGER NOT "
    "NULL, flags INTEGER NOT NULL,"
    " kwset INTEGER NOT NULL, date INTEGER NOT NULL, size INTEGER NOT NULL, body INTEGER NOT NULL,"
    " PRIMARY KEY (mailbox, uid)) WITHOUT ROWID;"
    "CREATE INDEX message_modseq ON message (mailbox, modseq);"
    "CREATE INDEX message_body ON message (body);"
    "CREATE TABLE expunged (mailbox INTEGER NOT NULL, modseq INTEGER NOT NULL, uid INTEGER NOT "
    "NULL,"
    " PRIMARY KEY (mailbox, modseq, uid)) WITHOUT ROWID;"
    "CREATE TABLE delivered (envelope INTEGER PRIMARY KEY, time INTEGER NOT NULL);",
    "CREATE INDEX body_file ON body (file) WHERE file IS NOT NULL;",
    /* A delivery writes as few pages as it can: the modseq stands in the mailbox's row, which it
     * writes anyway, and only a body that several messages have is counted. */
    "ALTER TABLE mailbox ADD COLUMN modseq INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE share (body INTEGER PRIMARY KEY, uses INTEGER NOT NULL);"
    "INSERT INTO share SELECT body, count(*) FROM message GROUP BY body HAVING count(*) > 1;"
    "DROP INDEX message_body;",
    "CREATE TABLE signature (body INTEGER PRIMARY KEY, bits BLOB NOT NULL);",
    "INSERT INTO counter VALUES ('signature', 0);",
    /* Mailboxes that are gone, and may have messages left: to take many out takes its time. */
    "CREATE TABLE removed (mailbox INTEGER PRIMARY KEY);", NULL, /* form.c */
};

enum {
	DELIVERED_DAYS = 30,
	CHECKPOINT_AT = 4 * 1024 * 1024,

	/* Of the disk, what only changes that make room may take: a part, or so many octets. */
	RESERVE_PART = 50,
	RESERVE_MOST = 16 * 1024 * 1024,
	FRESH_MS = 50,
	SHOWN_MOST = 4 * LIMIT_REQUESTS,
};

/* The first UIDVALIDITY at most, so that 32 bits leave room for more. */
#define FIRST_MOST 0xF0000000

/*
 * Whoever had the account open before us was killed, and may have shown UIDs and modseqs that never
 * became durable: they are not taken again for others. Only a COPY of more messages than that, seen
 * by another session in the moment before its sync, could be beyond them.
 */
static void
skip_what_was_shown(struct store *s)
{
	struct statement *uids =
	    db_statement(s->db, "UPDATE mailbox SET uidnext = uidnext + ? WHERE uidnext < ?");
	struct statement *counters = db_statement(s->db,
	    "UPDATE counter SET value = CASE name WHEN 'modseq' THEN ? ELSE value + ? END"
	    " WHERE name IN ('modseq', 'uidvalidity')");

	s->modseq += SHOWN_MOST;
	statement_bind_number(uids, 1, SHOWN_MOST);
	statement_bind_number(uids, 2, UINT32_MAX - SHOWN_MOST);
	statement_bind_number(counters, 1, (int64_t)s->modseq);
	statement_bind_number(counters, 2, SHOWN_MOST);
	if (commit_begin(s->commit)) {
		statement_run(uids);
		statement_run(counters);
	}
}

/* Files that no row names are what a crash left; and old delivery marks have done their work. */
static void
sweep(struct store *s)
{
	struct statement *known = db_statement(s->db, "SELECT 1 FROM body WHERE file = ?");
	/* Their ids ascend as time goes on: up to the first that is young all are old. */
	struct statement *old = db_statement(s->db,
	    "DELETE FROM delivered WHERE envelope <"
	    " (SELECT envelope FROM delivered WHERE time >= ? ORDER BY envelope LIMIT 1)");
	DIR *dir = opendir(s->folder);
	struct dirent *e;
	char path[1400];

	statement_bind_number(old, 1, civil_now() - DELIVERED_DAYS * 86400);
	statement_run(old);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		enum db_result r;

		if (strncmp(e->d_name, "body-", 5) != 0 && strncmp(e->d_name, "spool-", 6) != 0)
			continue;
		statement_bind_text(known, 1, slice_of(e->d_name));
		r = statement_step(known);
		statement_reset(known);
		snprintf(path, sizeof(path), "%s/%s", s->folder, e->d_name);
		/* Not what a damaged index does not find: it may be a message. */
		if (r == DB_DONE)
			unlink(path);
	}
	if (dir != NULL)
		closedir(dir);
}

/*
 * UIDVALIDITY begins with the time: should this folder have held an account before, of which a
 * client still knows messages, then the UIDs of that one are not ours (RFC 9051 2.3.1.1).
 */
static void
begin_uidvalidity(struct store *s)
{
	struct statement *st = db_statement(
	    s->db, "UPDATE counter SET value = max(value, ?) WHERE name = 'uidvalidity'");
	int64_t now = civil_now();

	statement_bind_number(st, 1, now < FIRST_MOST ? now : FIRST_MOST);
	statement_run(st);
}

static void
make_first_mailboxes(struct store *s)
{
	static const struct {
		const char *name, *use;
	} first[] = {{"INBOX", ""}, {"Drafts", "\\Drafts"}, {"Sent", "\\Sent"}, {"Junk", "\\Junk"},
	    {"Trash", "\\Trash"}, {"Archive", "\\Archive"}};
	struct store_mailbox m;

	if (store_find(s, "INBOX", &m) == STORE_OK)
		return;
	begin_uidvalidity(s);
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		store_create(s, first[i].name, slice_of(first[i].use));
		store_subscribe(s, first[i].name, true);
	}
}

static void
on_broken(void *owner)
{
	struct store *s = owner;

	s->is_broken = true;
	s->broken(s->owner);
}

/* Whether its database is gone, but not its messages: they must not be swept for that. */
static bool
lost_its_database(const char *folder, const char *path)
{
	struct stat st;
	struct dirent *e;
	bool found = false;
	DIR *dir;

	if (stat(path, &st) == 0 && st.st_size > 0)
		return false;
	dir = opendir(folder);
	while (dir != NULL && !found && (e = readdir(dir)) != NULL)
		found = strncmp(e->d_name, "body-", 5) == 0;
	if (dir != NULL)
		closedir(dir);
	return found;
}

static bool
open_database(struct store *s, const char *path, struct error *why)
{
	enum { VERSIONS = sizeof(schema) / sizeof(schema[0]) };

	s->db = db_open(path, schema, VERSIONS, why);
	if (s->db == NULL || store_form_open(s))
		return s->db != NULL;
	db_abandon(s->db);
	s->db = db_open(path, schema, VERSIONS, why);
	if (s->db == NULL)
		return false;
	store_form_keep(s);
	return true;
}

bool
store_open(struct store *s, const char *folder, void (*broken)(void *owner), void *owner,
    struct error *why)
{
	char path[1100];
	struct statement *st;

	*s = (struct store){.broken = broken, .owner = owner};
	snprintf(s->folder, sizeof(s->folder), "%s", folder);
	snprintf(path, sizeof(path), "%s/mail.db", folder);
	if (lost_its_database(folder, path))
		return error_set(why,
		    "%s is gone or empty, but there are messages beside it: "
		    "put back a copy, or move the folder away",
		    path);
	if (!open_database(s, path, why))
		return false;
	s->commit = commit_new(s->db, on_broken, s);
	commit_checkpoint_at(s->commit, CHECKPOINT_AT);
	/* The counter's is that of mailboxes that are gone. */
	st = db_statement(s->db, "SELECT max(value, (SELECT coalesce(max(modseq), 0) FROM mailbox))"
				 " FROM counter WHERE name = 'modseq'");
	if (statement_step(st) == DB_ROW)
		s->modseq = (uint64_t)statement_number(st, 0);
	statement_reset(st);
	if (db_was_left(s->db))
		skip_what_was_shown(s);
	sweep(s);
	store_sweep_sets(s);
	store_check_signatures(s);
	make_first_mailboxes(s);
	return true;
}

void
store_close(struct store *s)
{
	commit_free(s->commit);
	if (s->is_broken)
		db_abandon(s->db);
	else
		db_close(s->db);
	buf_fini(&s->unnamed);
	s->db = NULL;
	s->commit = NULL;
}

void
store_rest(struct store *s)
{
	db_rest(s->db);
}

bool
store_begin(struct store *s)
{
	s->before = s->modseq;
	return commit_save(s->commit);
}

enum store_result
store_end(struct store *s, enum store_result r)
{
	if (r == STORE_OK) {
		commit_keep(s->commit);
		store_remove_unnamed(s);
	} else {
		/* A modseq that is in no row would be taken once more after the next start. */
		commit_undo(s->commit);
		s->modseq = s->before;
		buf_clear(&s->unnamed);
	}
	return r;
}

enum store_result
store_result_of(enum db_result r)
{
	return r == DB_DONE ? STORE_OK : r == DB_FULL ? STORE_FULL : STORE_BROKEN;
}

/* All accounts are on one disk; it is looked at now and then. */
bool
store_has_room(const struct store *s, uint64_t octets)
{
	static struct moment looked;
	static uint64_t room = UINT64_MAX;
	struct moment now = moment_now();
	struct statvfs v;
	uint64_t reserve;

	if (moment_between(looked, now).ms >= FRESH_MS && statvfs(s->folder, &v) == 0) {
		looked = now;
		room = (uint64_t)v.f_bavail * v.f_frsize;
		reserve = (uint64_t)v.f_blocks * v.f_frsize / RESERVE_PART;
		if (reserve > RESERVE_MOST)
			reserve = RESERVE_MOST;
		room -= room < reserve ? room : reserve;
	}
	if (room <= octets)
		return false;
	room -= octets;
	return true;
}
