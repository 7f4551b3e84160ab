#include "deliver/mailbox/store.h"

#include "common/base/log.h"
#include "common/base/moment.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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
};

enum { DELIVERED_DAYS = 30 };

/* Files that no row names are what a crash left; and old delivery marks have done their work. */
static void
sweep(struct store *s)
{
	struct statement *known = db_statement(s->db, "SELECT 1 FROM body WHERE file = ?");
	struct statement *old = db_statement(s->db, "DELETE FROM delivered WHERE time < ?");
	DIR *dir = opendir(s->folder);
	struct dirent *e;
	char path[1400];

	statement_bind_number(old, 1, civil_now() - DELIVERED_DAYS * 86400);
	statement_run(old);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		bool found;

		if (strncmp(e->d_name, "body-", 5) != 0 && strncmp(e->d_name, "spool-", 6) != 0)
			continue;
		statement_bind_text(known, 1, slice_of(e->d_name));
		found = statement_step(known) == DB_ROW;
		statement_reset(known);
		snprintf(path, sizeof(path), "%s/%s", s->folder, e->d_name);
		if (!found)
			unlink(path);
	}
	if (dir != NULL)
		closedir(dir);
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
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		store_create(s, first[i].name, slice_of(first[i].use));
		store_subscribe(s, first[i].name, true);
	}
}

bool
store_open(struct store *s, const char *folder, void (*broken)(void *owner), void *owner,
    struct error *why)
{
	char path[1100];
	struct statement *st;

	*s = (struct store){.db = NULL};
	snprintf(s->folder, sizeof(s->folder), "%s", folder);
	snprintf(path, sizeof(path), "%s/mail.db", folder);
	s->db = db_open(path, schema, 1, why);
	if (s->db == NULL)
		return false;
	s->commit = commit_new(s->db, broken, owner);
	st = db_statement(s->db, "SELECT value FROM counter WHERE name = 'modseq'");
	if (statement_step(st) == DB_ROW)
		s->modseq = (uint64_t)statement_number(st, 0);
	statement_reset(st);
	sweep(s);
	make_first_mailboxes(s);
	return true;
}

void
store_close(struct store *s)
{
	commit_free(s->commit);
	db_close(s->db);
	*s = (struct store){.db = NULL};
}
