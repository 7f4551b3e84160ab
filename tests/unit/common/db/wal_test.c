#include "tests/unit/unit.h"

#include "common/db/db.h"
#include "common/db/wal.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DATABASES = 3 };

UNIT_SUITE(wal);

static const char *const schema[] = {"CREATE TABLE word (id INTEGER PRIMARY KEY, octets BLOB)"};

static char dir[64];
static struct db *dbs[DATABASES];

static void
open_one(int n)
{
	char path[96];
	struct error why = {""};

	snprintf(path, sizeof(path), "%s/%d.db", dir, n);
	dbs[n] = db_open(path, schema, 1, &why);
	cr_assert_not_null(dbs[n], "%s", why.text);
}

static void
set_up(void)
{
	snprintf(dir, sizeof(dir), "/tmp/kurir-wal-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	for (int i = 0; i < DATABASES; i++)
		open_one(i);
}

static void
tear_down(void)
{
	char command[128];

	for (int i = 0; i < DATABASES; i++)
		db_close(dbs[i]);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

/* Words of so many octets, by their ids. */
static enum db_result
add(int n, int first, int last, int octets)
{
	struct statement *s;
	enum db_result r = DB_DONE;

	for (int i = first; i <= last && r == DB_DONE; i++) {
		s = db_statement(dbs[n], "INSERT INTO word VALUES (?, randomblob(?))");
		statement_bind_number(s, 1, i);
		statement_bind_number(s, 2, octets);
		r = statement_run(s);
	}
	return r;
}

static int64_t
number(int n, const char *sql)
{
	struct statement *s = db_statement(dbs[n], sql);
	int64_t value = statement_step(s) == DB_ROW ? statement_number(s, 0) : -1;

	statement_reset(s);
	return value;
}

static void
check(int n, int64_t words)
{
	struct statement *s = db_statement(dbs[n], "PRAGMA integrity_check");

	cr_assert_eq(statement_step(s), DB_ROW);
	cr_assert(slice_equal_text(statement_octets(s, 0), "ok"), "database %d: %.*s", n,
	    SLICE_FMT(statement_octets(s, 0)));
	statement_reset(s);
	cr_assert_eq(number(n, "SELECT count(*) FROM word"), words);
}

/* How long the system lets any file become, so that a write fails. */
static void
limit_files(rlim_t octets)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = octets;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Another process would find what was committed so far. */
static int64_t
words_on_disk(int n)
{
	char command[300];
	struct error why = {""};
	const char *const none[] = {schema[0]};
	struct db *copy;
	struct statement *s;
	int64_t count;

	snprintf(command, sizeof(command), "cp %s/%d.db %s/copy.db; cp %s/%d.db-wal %s/copy.db-wal",
	    dir, n, dir, dir, n, dir);
	cr_assert_eq(system(command), 0);
	snprintf(command, sizeof(command), "%s/copy.db", dir);
	copy = db_open(command, none, 1, &why);
	cr_assert_not_null(copy, "%s", why.text);
	s = db_statement(copy, "SELECT count(*) FROM word");
	count = statement_step(s) == DB_ROW ? statement_number(s, 0) : -1;
	statement_reset(s);
	db_close(copy);
	return count;
}

Test(wal, a_commit_lies_in_the_file_when_it_returns)
{
	set_up();
	cr_assert_eq(add(0, 1, 1, 100), DB_DONE);
	cr_assert_eq(words_on_disk(0), 1);
	/* More than is gathered at once, by several hundred pages. */
	cr_assert_eq(db_exec(dbs[0], "BEGIN"), DB_DONE);
	cr_assert_eq(add(0, 2, 201, 10000), DB_DONE);
	cr_assert_eq(words_on_disk(0), 1);
	cr_assert_eq(db_exec(dbs[0], "COMMIT"), DB_DONE);
	cr_assert_eq(words_on_disk(0), 201);
	tear_down();
}

Test(wal, databases_take_turns)
{
	set_up();
	for (int i = 0; i < DATABASES; i++)
		cr_assert_eq(db_exec(dbs[i], "PRAGMA cache_size=5; BEGIN"), DB_DONE);
	for (int round = 0; round < 30; round++) {
		for (int i = 0; i < DATABASES; i++)
			cr_assert_eq(add(i, round * 5 + 1, round * 5 + 5, 3000 * (i + 1)), DB_DONE);
	}
	for (int i = 0; i < DATABASES; i++)
		cr_assert_eq(db_exec(dbs[i], "COMMIT"), DB_DONE);
	for (int i = 0; i < DATABASES; i++) {
		cr_assert_eq(words_on_disk(i), 150);
		cr_assert(db_checkpoint(dbs[i], 0));
		check(i, 150);
	}
	tear_down();
}

Test(wal, a_commit_whose_write_fails_says_so)
{
	set_up();
	cr_assert_eq(add(0, 1, 20, 1000), DB_DONE);
	cr_assert(db_checkpoint(dbs[0], 0));
	limit_files(8192);
	cr_assert_neq(add(0, 21, 21, 20000), DB_DONE, "it does not lie in the file");
	limit_files(RLIM_INFINITY);
	cr_assert_not(db_checkpoint(dbs[0], 0), "what is missing is not copied");
	db_abandon(dbs[0]);
	open_one(0);
	check(0, 20);
	tear_down();
}

Test(wal, what_was_rolled_back_after_a_failure_is_forgotten)
{
	set_up();
	cr_assert_eq(add(0, 1, 20, 1000), DB_DONE);
	cr_assert_eq(db_exec(dbs[0], "PRAGMA cache_size=5; BEGIN"), DB_DONE);
	limit_files(65536);
	cr_assert_neq(add(0, 21, 200, 20000), DB_DONE, "the cache spills into a file that is full");
	limit_files(RLIM_INFINITY);
	db_exec(dbs[0], "ROLLBACK");
	check(0, 20);
	cr_assert_eq(add(0, 21, 60, 20000), DB_DONE);
	check(0, 60);
	cr_assert_eq(words_on_disk(0), 60);
	cr_assert(db_checkpoint(dbs[0], 0));
	check(0, 60);
	tear_down();
}

enum { PIECE = 1000 };

/* A WAL as SQLite sees it: a piece of it is in the file, and one behind that is gathered. */
static sqlite3_file *
open_wal(void)
{
	static const char octets[PIECE];
	char path[96] = {0};
	sqlite3_vfs *vfs = sqlite3_vfs_find(wal_vfs());
	sqlite3_file *file;
	int given;

	cr_assert_not_null(vfs);
	file = calloc(1, (size_t)vfs->szOsFile);
	snprintf(path, sizeof(path) - 1, "%s/one.wal", dir);
	cr_assert_eq(vfs->xOpen(vfs, path, file,
			 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL, &given),
	    SQLITE_OK);
	cr_assert_eq(file->pMethods->xWrite(file, octets, PIECE, 0), SQLITE_OK);
	cr_assert_eq(file->pMethods->xSync(file, 0), SQLITE_OK);
	cr_assert_eq(file->pMethods->xWrite(file, octets, PIECE, PIECE), SQLITE_OK);
	return file;
}

static void
close_wal(sqlite3_file *file)
{
	cr_assert_eq(file->pMethods->xClose(file), SQLITE_OK);
	free(file);
}

/* A transaction that outgrew the cache writes pages once more where they stand in the WAL. When what
 * was gathered behind them fails just then, it is told: a commit would stand on a hole. */
Test(wal, a_page_written_once_more_hides_no_failure)
{
	static const char octets[PIECE];
	sqlite3_file *file;

	set_up();
	file = open_wal();
	limit_files(PIECE);
	cr_assert_neq(file->pMethods->xWrite(file, octets, PIECE / 2, PIECE / 2), SQLITE_OK);
	limit_files(RLIM_INFINITY);
	cr_assert_eq(file->pMethods->xWrite(file, octets, PIECE, PIECE), SQLITE_OK,
	    "rolled back, it begins anew");
	cr_assert_eq(file->pMethods->xSync(file, 0), SQLITE_OK);
	close_wal(file);
	tear_down();
}

/* Nor where such pages get new checksums: each is read, and what is read first is sound. */
Test(wal, a_failure_that_a_read_brought_about_is_told)
{
	static char octets[PIECE];
	sqlite3_file *file;

	set_up();
	file = open_wal();
	limit_files(PIECE);
	cr_assert_eq(file->pMethods->xRead(file, octets, PIECE, 0), SQLITE_OK);
	limit_files(RLIM_INFINITY);
	cr_assert_neq(file->pMethods->xWrite(file, octets, PIECE, 0), SQLITE_OK);
	close_wal(file);
	tear_down();
}
