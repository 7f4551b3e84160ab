/*
 * Group commit: what many callers changed in one turn of the loop goes into one transaction,
 * and one fdatasync, in libuv's pool, answers all that it covered. While a sync runs, the next
 * group gathers; a caller alone never waits for company, unless it says that it has time.
 */
#ifndef COMMON_DB_COMMIT_H
#define COMMON_DB_COMMIT_H

#include "common/db/db.h"

struct commit;

/*
 * Groups the changes of db. broken() is called once, after everybody who waited was refused,
 * when a commit or a sync failed for good: the owner must close the database and begin anew
 * from what is on disk, and never sync the same pages again.
 */
struct commit *commit_new(struct db *db, void (*broken)(void *owner), void *owner);

/* The WAL is copied when it is so long and nobody waits, instead of at 16 MiB. */
void commit_checkpoint_at(struct commit *c, uint64_t octets);

/* Commits what is open without a sync and frees, after a sync under way. Waiters are refused. */
void commit_free(struct commit *c);

/* Call before a change: sees to it that a transaction is open. False when it cannot be, or when
 * SQLite has rolled back the one that was; broken() follows. */
bool commit_begin(struct commit *c);

/* A change of several statements that may have to be taken back alone. */
bool commit_save(struct commit *c);
void commit_keep(struct commit *c);
void commit_undo(struct commit *c);

/*
 * Calls done(owner, ok) when all changes made so far are on stable storage (ok), or when that
 * failed and nobody may be told that they are. Never from inside this call.
 */
void commit_wait(struct commit *c, void (*done)(void *owner, bool ok), void *owner);

/*
 * The same, but the changes may stay uncommitted until somebody else waits, or commit_hurry(): for
 * what is safe elsewhere until done() says that it is here.
 */
void commit_wait_patiently(struct commit *c, void (*done)(void *owner, bool ok), void *owner);
void commit_hurry(struct commit *c);

/*
 * A change apart from all others, for what only saves work: it is committed at once and nobody
 * syncs it. True of change() keeps it. False: it was taken back; should the commit itself have
 * failed, broken() was called. Only while commit_is_quiet(): nothing is open, no sync under way.
 */
bool commit_is_quiet(const struct commit *c);
bool commit_aside(struct commit *c, bool (*change)(void *owner), void *owner);

/* For changes that may be lost by a power cut within a second (flags): synced by then. */
void commit_soon(struct commit *c);

#endif
