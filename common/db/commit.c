/*
 * Invariants:
 * 1. A waiter hears ok only after an fdatasync that began after its COMMIT returned 0, of a file
 *    that still had a name.
 * 2. At most one sync runs at a time; the transaction gathered meanwhile is committed after it.
 * 3. After a failure nothing is ever synced again (a kernel reports a lost page only once).
 */
#include "common/db/commit.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

/* Octets of WAL that are copied into the database when nobody waits; when somebody always does,
 * four times that. */
enum { CHECKPOINT_AT = 16 * 1024 * 1024, SOON_MS = 500 };

struct waiter {
	STAILQ_ENTRY(waiter) link;
	void (*done)(void *owner, bool ok);
	void *owner;
};

STAILQ_HEAD(waiters, waiter);

struct commit {
	struct db *db;
	void (*broken)(void *owner);
	void *owner;
	struct waiters gathering; /* changes not committed, or committed but not synced */
	struct waiters syncing;
	struct task end_of_turn;
	struct timer soon;
	uint64_t checkpoint_at;
	bool open;    /* a transaction */
	bool dirty;   /* committed since the last sync began */
	bool hurried; /* somebody who gathers has no patience */
	bool in_pool, failed, closing;
	int holds;         /* callers and the pool that still look at this */
	int wal_fd, error; /* our own descriptor: the database may be closed meanwhile */
};

static void
release(struct commit *c)
{
	if (--c->holds > 0 || !c->closing)
		return;
	close(c->wal_fd);
	free(c);
}

static void
finish(struct waiters *list, bool ok)
{
	struct waiters mine = STAILQ_HEAD_INITIALIZER(mine);
	struct waiter *w;

	STAILQ_CONCAT(&mine, list);
	while ((w = STAILQ_FIRST(&mine)) != NULL) {
		STAILQ_REMOVE_HEAD(&mine, link);
		if (w->done != NULL)
			w->done(w->owner, ok);
		free(w);
	}
}

static void
fail(struct commit *c, const char *why)
{
	if (c->failed)
		return;
	c->failed = true;
	log_error("cannot make a change durable: %s; what waited for it is refused", why);
	c->holds++;
	finish(&c->syncing, false);
	finish(&c->gathering, false);
	if (!c->closing)
		c->broken(c->owner);
	release(c);
}

static void
fail_sync(struct commit *c)
{
	struct error why;

	error_set(&why, "%s-wal: %s", db_path(c->db),
	    c->error == ENOENT ? "somebody removed it" : strerror(c->error));
	fail(c, why.text);
}

static bool
checkpoint(struct commit *c, uint64_t octets)
{
	if (db_checkpoint(c->db, octets))
		return true;
	fail(c, db_failure(c->db));
	return false;
}

/* A file that somebody removed still takes everything, and nobody will ever find it. */
static int
sync_wal(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || fdatasync(fd) < 0)
		return errno;
	return st.st_nlink == 0 ? ENOENT : 0;
}

static void
run_sync(void *arg)
{
	struct commit *c = arg;

	c->error = sync_wal(c->wal_fd);
}

static void pump(struct commit *c);

static void
on_synced(void *arg)
{
	struct commit *c = arg;

	c->in_pool = false;
	if (c->error != 0 && !c->closing)
		fail_sync(c);
	else if (!c->closing)
		finish(&c->syncing, true);
	pump(c);
	release(c);
}

static bool
is_patient(const struct commit *c)
{
	return !STAILQ_EMPTY(&c->gathering) && !c->hurried;
}

/* False: it is rolled back, and all have been refused. */
static bool
commit_open(struct commit *c)
{
	struct error why;
	bool ok = db_exec(c->db, "COMMIT") == DB_DONE;

	c->open = false;
	c->dirty |= ok;
	if (ok)
		return true;
	error_set(&why, "%s", db_failure(c->db));
	db_exec(c->db, "ROLLBACK");
	fail(c, why.text);
	return false;
}

/* Commits what is open and sends it to the disk, unless a sync runs: then it is done after it. */
static void
pump(struct commit *c)
{
	if (c->in_pool || c->failed || c->closing || is_patient(c))
		return;
	if (c->open && !commit_open(c))
		return;
	c->hurried = false;
	if (!checkpoint(c, STAILQ_EMPTY(&c->gathering) ? c->checkpoint_at : c->checkpoint_at * 4) ||
	    STAILQ_EMPTY(&c->gathering))
		return;
	STAILQ_CONCAT(&c->syncing, &c->gathering);
	c->dirty = false;
	c->in_pool = true;
	c->holds++;
	work_start(run_sync, on_synced, c);
}

static void
on_end_of_turn(void *owner)
{
	pump(owner);
}

static void
on_soon(void *owner)
{
	struct commit *c = owner;

	if (c->open || c->dirty)
		commit_wait(c, NULL, c);
}

struct commit *
commit_new(struct db *db, void (*broken)(void *owner), void *owner)
{
	struct commit *c = mem_zero(sizeof(*c));

	c->db = db;
	c->broken = broken;
	c->owner = owner;
	c->wal_fd = fcntl(db_wal_fd(db), F_DUPFD_CLOEXEC, 0);
	c->checkpoint_at = CHECKPOINT_AT;
	c->holds = 1;
	STAILQ_INIT(&c->gathering);
	STAILQ_INIT(&c->syncing);
	task_init(&c->end_of_turn, on_end_of_turn, c);
	timer_init(&c->soon, on_soon, c);
	return c;
}

void
commit_free(struct commit *c)
{
	if (c == NULL)
		return;
	task_cancel(&c->end_of_turn);
	timer_stop(&c->soon);
	if (c->open && !c->failed)
		db_exec(c->db, "COMMIT");
	c->closing = true;
	finish(&c->syncing, false);
	finish(&c->gathering, false);
	release(c);
}

void
commit_checkpoint_at(struct commit *c, uint64_t octets)
{
	c->checkpoint_at = octets;
}

void
commit_hurry(struct commit *c)
{
	c->hurried = true;
	task_queue(&c->end_of_turn);
}

bool
commit_begin(struct commit *c)
{
	if (c->failed || c->closing)
		return false;
	if (c->open && db_has_transaction(c->db))
		return true;
	if (c->open) {
		/* What gets in now would be there though all are refused: COMMIT will fail. */
		commit_hurry(c);
		return false;
	}
	if (db_exec(c->db, "BEGIN IMMEDIATE") != DB_DONE) {
		log_error("%s", db_failure(c->db));
		return false;
	}
	c->open = true;
	task_queue(&c->end_of_turn);
	return true;
}

bool
commit_save(struct commit *c)
{
	return commit_begin(c) && statement_run(db_statement(c->db, "SAVEPOINT change")) == DB_DONE;
}

void
commit_keep(struct commit *c)
{
	statement_run(db_statement(c->db, "RELEASE change"));
}

void
commit_undo(struct commit *c)
{
	statement_run(db_statement(c->db, "ROLLBACK TO change"));
	statement_run(db_statement(c->db, "RELEASE change"));
}

bool
commit_is_quiet(const struct commit *c)
{
	return !c->open && !c->in_pool && !c->failed && STAILQ_EMPTY(&c->gathering);
}

bool
commit_aside(struct commit *c, bool (*change)(void *owner), void *owner)
{
	if (!commit_begin(c))
		return false;
	if (change(owner))
		return commit_open(c);
	db_exec(c->db, "ROLLBACK");
	c->open = false;
	return false;
}

void
commit_wait_patiently(struct commit *c, void (*done)(void *owner, bool ok), void *owner)
{
	struct waiter *w = mem_zero(sizeof(*w));

	w->done = done;
	w->owner = owner;
	STAILQ_INSERT_TAIL(&c->gathering, w, link);
}

void
commit_wait(struct commit *c, void (*done)(void *owner, bool ok), void *owner)
{
	commit_wait_patiently(c, done, owner);
	commit_hurry(c);
}

void
commit_soon(struct commit *c)
{
	if (!timer_is_running(&c->soon))
		timer_start(&c->soon, SPAN_MS(SOON_MS));
}
