/*
 * Invariants:
 * 1. synchronous=NORMAL: SQLite itself syncs only around checkpoints, so that a checkpoint never
 *    outruns the WAL; commits are made durable by commit.c.
 * 2. A database never loses its WAL: one that lost itself instead is not opened.
 * 3. The directory is synced after the files were created: our own fdatasync of the WAL does
 *    not do that for its name.
 */
#include "common/db/db.h"

#include "common/base/assert.h"
#include "common/base/folder.h"
#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/db/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A page of the WAL with its header; and a WAL that is cut when it is copied, for it grew beyond
 * what is usual. */
enum { FRAME = 4096 + 24, CUT_AT = 96 * 1024 * 1024 };

/* Debian's SQLite writes zeros over what is deleted, unless it is told: that doubles what a message
 * costs. FAST still does so where it writes the page anyway. */
static const char settings[] = "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;"
			       "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=0;"
			       "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
			       "PRAGMA secure_delete=FAST";

struct statement {
	sqlite3_stmt *stmt;
	struct db *db;
};

struct db {
	sqlite3 *handle;
	struct hash statements;
	int wal_fd;
	uint64_t wal_octets; /* in use; the file may be longer */
	char path[1024];
	bool was_left;
	struct error failure;
	unsigned errors;
};

static enum db_result
result_of(struct db *db, int code)
{
	if (code == SQLITE_ROW)
		return DB_ROW;
	if (code == SQLITE_DONE || code == SQLITE_OK)
		return DB_DONE;
	error_set(&db->failure, "%s: %s", db->path, sqlite3_errmsg(db->handle));
	switch (code & 0xff) {
	case SQLITE_CONSTRAINT:
		return DB_CONSTRAINT;
	case SQLITE_FULL:
		return DB_FULL;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		db->errors++;
		return DB_CORRUPT;
	default:
		db->errors++;
		return DB_ERROR;
	}
}

enum db_result
db_exec(struct db *db, const char *sql)
{
	return result_of(db, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

bool
db_has_transaction(const struct db *db)
{
	return sqlite3_get_autocommit(db->handle) == 0;
}

unsigned
db_errors(const struct db *db)
{
	return db->errors;
}

const char *
db_path(const struct db *db)
{
	return db->path;
}

const char *
db_failure(const struct db *db)
{
	return db->failure.text;
}

static int
on_commit(void *arg, sqlite3 *handle, const char *name, int pages)
{
	((struct db *)arg)->wal_octets = (uint64_t)pages * FRAME;
	return wal_flush(handle);
}

static bool
sync_directory(const char *path, struct error *why)
{
	char dir[1024];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (slash == NULL)
		snprintf(dir, sizeof(dir), ".");
	else
		slash[slash == dir ? 1 : 0] = '\0';
	return folder_sync(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) ||
	       error_errno(why, "cannot sync %s", dir);
}

static bool
migrate(struct db *db, const char *const migrations[], int n, struct error *why)
{
	struct statement *s = db_statement(db, "PRAGMA user_version");
	int64_t version;
	char set[64];

	if (statement_step(s) != DB_ROW)
		return error_set(why, "%s", db_failure(db));
	version = statement_number(s, 0);
	statement_reset(s);
	if (version > n)
		return error_set(why,
		    "%s was written by a newer Kurir (schema %lld, this one knows %d)", db->path,
		    (long long)version, n);
	for (; version < n && migrations[version] != NULL; version++) {
		snprintf(set, sizeof(set), "PRAGMA user_version = %d", (int)version + 1);
		if (db_exec(db, "BEGIN IMMEDIATE") != DB_DONE ||
		    db_exec(db, migrations[version]) != DB_DONE || db_exec(db, set) != DB_DONE ||
		    db_exec(db, "COMMIT") != DB_DONE) {
			error_set(
			    why, "cannot bring to schema %d: %s", (int)version + 1, db_failure(db));
			db_exec(db, "ROLLBACK");
			return false;
		}
	}
	return true;
}

/*
 * Opens the WAL for syncing. Reading made it where there was a database before; a new one writes
 * something. What an earlier process left in it is made durable before anybody is told of it.
 */
static bool
open_wal(struct db *db, struct error *why)
{
	char wal[1100];
	struct stat st;

	snprintf(wal, sizeof(wal), "%s-wal", db->path);
	db->wal_fd = open(wal, O_RDWR | O_CLOEXEC);
	if (db->wal_fd < 0 &&
	    db_exec(db,
		"BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS kurir_wal (touched INTEGER);"
		"DELETE FROM kurir_wal; INSERT INTO kurir_wal VALUES (1); COMMIT") != DB_DONE)
		return error_set(why, "%s", db_failure(db));
	if (db->wal_fd < 0)
		db->wal_fd = open(wal, O_RDWR | O_CLOEXEC);
	if (db->wal_fd < 0 || fstat(db->wal_fd, &st) < 0)
		return error_errno(why, "cannot open %s", wal);
	if (st.st_size > 0 && fdatasync(db->wal_fd) < 0)
		return error_errno(why, "cannot sync %s", wal);
	return sync_directory(db->path, why);
}

/* SQLite falls back to reading when one of its files does not open for writing this once. */
static bool
is_writable(struct db *db, struct error *why)
{
	return db_exec(db, "BEGIN IMMEDIATE; ROLLBACK") == DB_DONE ||
	       error_set(why, "cannot open %s for writing: %s", db->path, db_failure(db));
}

/* The octets of its WAL; -1: there is none, for closing removes it, though it be empty. */
static off_t
size_of_wal(const char *path)
{
	char wal[1100];
	struct stat st;

	snprintf(wal, sizeof(wal), "%s-wal", path);
	return stat(wal, &st) == 0 ? st.st_size : -1;
}

/* A database has its first page before it has a WAL. SQLite would take one without that page for
 * new, and throw the WAL away. */
static bool
has_first_page(const char *path, struct error *why)
{
	struct stat st;

	return size_of_wal(path) <= 0 || (stat(path, &st) == 0 && st.st_size > 0) ||
	       error_set(why,
		   "%s is gone or empty, but %s-wal is not: put back a copy, or move both away",
		   path, path);
}

/*
 * A process uses SQLite in one thread, so it needs no locks; nor does anybody ask how much memory
 * it has. Room for pages is taken one by one, not for twenty in advance: an account at rest has
 * few. False: SQLite cannot begin.
 */
static bool
begin(struct error *why)
{
	static bool begun;

	if (!begun)
		begun = sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) == SQLITE_OK &&
			sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK &&
			sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0) == SQLITE_OK &&
			sqlite3_initialize() == SQLITE_OK && wal_vfs() != NULL;
	return begun || error_set(why, "SQLite does not begin");
}

struct db *
db_open(const char *path, const char *const migrations[], int n, struct error *why)
{
	struct db *db = mem_zero(sizeof(*db));
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	mode_t was;
	int code;

	snprintf(db->path, sizeof(db->path), "%s", path);
	hash_init(&db->statements);
	db->wal_fd = -1;
	db->was_left = size_of_wal(path) >= 0;
	if (!has_first_page(path, why)) {
		db_close(db);
		return NULL;
	}
	was = umask(077);
	code = begin(why) ? sqlite3_open_v2(path, &db->handle, flags, wal_vfs()) : SQLITE_ERROR;
	if (code != SQLITE_OK) {
		error_set(why, "cannot open %s: %s", path, sqlite3_errstr(code));
	} else if (db_exec(db, settings) != DB_DONE) {
		error_set(why, "%s", db_failure(db));
	} else {
		sqlite3_wal_hook(db->handle, on_commit, db);
		if (is_writable(db, why) && migrate(db, migrations, n, why) && open_wal(db, why)) {
			umask(was);
			return db;
		}
	}
	umask(was);
	db_close(db);
	return NULL;
}

static void
free_statements(struct db *db)
{
	struct hash_walk walk = {0};
	struct slice key;
	void *value;

	while (hash_next(&db->statements, &walk, &key, &value)) {
		sqlite3_finalize(((struct statement *)value)->stmt);
		free(value);
	}
	hash_fini(&db->statements);
}

void
db_rest(struct db *db)
{
	free_statements(db);
	sqlite3_db_release_memory(db->handle);
}

void
db_close(struct db *db)
{
	if (db == NULL)
		return;
	free_statements(db);
	sqlite3_close(db->handle);
	if (db->wal_fd >= 0)
		close(db->wal_fd);
	free(db);
}

static void
forget_pages(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
}

void
db_abandon(struct db *db)
{
	char path[1024], wal[1100];

	snprintf(path, sizeof(path), "%s", db->path);
	snprintf(wal, sizeof(wal), "%s-wal", db->path);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	/* Not before it is closed: closing any descriptor of a file lets go of SQLite's locks. */
	db_close(db);
	forget_pages(wal);
	forget_pages(path);
}

/*
 * The file keeps its length and is written again from its start: syncing what overwrites costs a
 * third of syncing what makes a file longer, which the file system has to note down.
 */
bool
db_checkpoint(struct db *db, uint64_t octets)
{
	struct stat st;
	int code, in_wal = 0, copied = 0, mode = SQLITE_CHECKPOINT_RESTART;

	if (db->wal_octets < octets)
		return true;
	if (fstat(db->wal_fd, &st) == 0 && st.st_size > CUT_AT)
		mode = SQLITE_CHECKPOINT_TRUNCATE;
	code = sqlite3_wal_checkpoint_v2(db->handle, NULL, mode, &in_wal, &copied);
	if (code == SQLITE_OK && in_wal == copied)
		db->wal_octets = 0;
	if ((code & 0xff) != SQLITE_IOERR && (code & 0xff) != SQLITE_CORRUPT)
		return true;
	result_of(db, code);
	return false;
}

bool
db_was_left(const struct db *db)
{
	return db->was_left;
}

int
db_wal_fd(const struct db *db)
{
	return db->wal_fd;
}

bool
db_is_there(const struct db *db)
{
	char wal[1100];
	struct stat opened, found;

	snprintf(wal, sizeof(wal), "%s-wal", db->path);
	if (fstat(db->wal_fd, &opened) < 0)
		return true; /* we do not know */
	if (stat(wal, &found) < 0)
		return errno != ENOENT;
	return found.st_ino == opened.st_ino && found.st_dev == opened.st_dev;
}

struct statement *
db_statement(struct db *db, const char *sql)
{
	struct slice key = slice_make((const char *)&sql, sizeof(sql));
	struct statement *s = hash_find(&db->statements, key);

	if (s == NULL) {
		s = mem_zero(sizeof(*s));
		s->db = db;
		hash_add(&db->statements, key, s);
	}
	/* What could not be prepared once, when its tables could not be read, may be now. */
	if (s->stmt != NULL)
		statement_reset(s);
	else if (sqlite3_prepare_v3(
		     db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, NULL) != SQLITE_OK)
		result_of(db, SQLITE_ERROR);
	return s;
}

void
statement_bind_number(struct statement *s, int n, int64_t value)
{
	sqlite3_bind_int64(s->stmt, n, value);
}

void
statement_bind_text(struct statement *s, int n, struct slice text)
{
	sqlite3_bind_text64(
	    s->stmt, n, text.len == 0 ? "" : text.data, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

void
statement_bind_octets(struct statement *s, int n, struct slice octets)
{
	sqlite3_bind_blob64(
	    s->stmt, n, octets.len == 0 ? "" : octets.data, octets.len, SQLITE_STATIC);
}

void
statement_bind_null(struct statement *s, int n)
{
	sqlite3_bind_null(s->stmt, n);
}

/* A statement that could not be prepared fails here, with the reason kept since then. */
enum db_result
statement_step(struct statement *s)
{
	if (s->stmt == NULL)
		return DB_ERROR;
	return result_of(s->db, sqlite3_step(s->stmt));
}

enum db_result
statement_run(struct statement *s)
{
	enum db_result result = statement_step(s);

	statement_reset(s);
	return result;
}

int64_t
statement_number(struct statement *s, int column)
{
	return sqlite3_column_int64(s->stmt, column);
}

struct slice
statement_octets(struct statement *s, int column)
{
	const char *data = sqlite3_column_blob(s->stmt, column);

	return slice_make(data, (size_t)sqlite3_column_bytes(s->stmt, column));
}

bool
statement_is_null(struct statement *s, int column)
{
	return sqlite3_column_type(s->stmt, column) == SQLITE_NULL;
}

void
statement_reset(struct statement *s)
{
	if (s->stmt == NULL)
		return;
	sqlite3_reset(s->stmt);
	sqlite3_clear_bindings(s->stmt);
}

int64_t
db_last_rowid(const struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

int
db_changes(const struct db *db)
{
	return sqlite3_changes(db->handle);
}
