/*
 * SQLite's files are the system's own; only what is appended to a WAL is gathered, so that a commit
 * of many pages, each with its header, is one write. Nothing is gathered beyond a commit.
 */
#ifndef COMMON_DB_WAL_H
#define COMMON_DB_WAL_H

#include <sqlite3.h>

/* The name of the VFS, for sqlite3_open_v2(); made at the first call. NULL: SQLite refuses it. */
const char *wal_vfs(void);

/*
 * Writes what was gathered of the WAL of that database. SQLITE_OK, or the code of the write that
 * failed: what was committed does not hold then, and SQLite must be closed without a checkpoint.
 */
int wal_flush(sqlite3 *handle);

#endif
