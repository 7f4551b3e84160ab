/*
 * SQLite, as Kurir uses it: WAL, one connection that owns the file for itself, statements
 * prepared once. Whoever needs the answer to survive a power cut waits with commit.h.
 */
#ifndef COMMON_DB_DB_H
#define COMMON_DB_DB_H

#include "common/base/error.h"
#include "common/base/slice.h"

struct db;
struct statement;

enum db_result {
	DB_ROW,
	DB_DONE,
	DB_CONSTRAINT, /* a unique key that is there already, or the like */
	DB_FULL,       /* no room on the disk */
	DB_CORRUPT,
	DB_ERROR, /* db_failure() says what */
};

/*
 * Opens or creates the database at path (mode 0600) and brings it to the newest of the n schema
 * versions: migrations[i] leads from version i to i + 1, each in a transaction of its own. One that
 * is NULL is the caller's, who sets user_version; as it is, it goes no further.
 * Gives; NULL and *why when it cannot.
 */
struct db *db_open(const char *path, const char *const migrations[], int n, struct error *why);

void db_close(struct db *db); /* NULL is fine */

/* Gives back the memory that only makes it quick, pages and prepared statements, until it is used
 * again. No statement may be in use. */
void db_rest(struct db *db);

/*
 * Closes after a commit or a sync failed: copies nothing and syncs nothing, and has the system
 * forget the pages that it could not write, so that the next to open it reads what is on the disk.
 */
void db_abandon(struct db *db);

/*
 * Whether the last who had the database open ended without closing it: what he told others of
 * changes that were not durable yet may be lost.
 */
bool db_was_left(const struct db *db);

/* Runs statements that return no rows. */
enum db_result db_exec(struct db *db, const char *sql);

/* Whether a transaction is open. Without room SQLite may roll all of it back by itself. */
bool db_has_transaction(const struct db *db);

/* Where it lies; and the last failure, in words. */
const char *db_path(const struct db *db);
const char *db_failure(const struct db *db);

/* How often it was corrupt or in error. Rows that end so are not all there are: who reads a number
 * of them looks whether this is what it was. */
unsigned db_errors(const struct db *db);

/*
 * Copies the WAL's pages into the database when so many octets of it are in use. A disk without
 * room or a reader in the way only puts it off; false means that pages or a sync were lost, and
 * nothing may be synced again.
 */
bool db_checkpoint(struct db *db, uint64_t octets);

/* The WAL's descriptor, for syncing; it stays the database's. */
int db_wal_fd(const struct db *db);

/* Whether its files still lie where they were opened: nobody removed them, or moved their folder. */
bool db_is_there(const struct db *db);

/*
 * The statement of that text, prepared at the first call and kept; reset and ready to bind.
 * sql must be a string literal. One use at a time: finish with it before asking for it again.
 */
struct statement *db_statement(struct db *db, const char *sql);

/* Parameters count from 1, columns from 0. Bound octets must live until the statement is reset. */
void statement_bind_number(struct statement *s, int n, int64_t value);
void statement_bind_text(struct statement *s, int n, struct slice text);
void statement_bind_octets(struct statement *s, int n, struct slice octets);
void statement_bind_null(struct statement *s, int n);

enum db_result statement_step(struct statement *s);

/* Steps a statement without rows and resets it. */
enum db_result statement_run(struct statement *s);

int64_t statement_number(struct statement *s, int column);
struct slice statement_octets(struct statement *s, int column); /* until the next step or reset */
bool statement_is_null(struct statement *s, int column);

void statement_reset(struct statement *s);

int64_t db_last_rowid(const struct db *db);
int db_changes(const struct db *db);

#endif
