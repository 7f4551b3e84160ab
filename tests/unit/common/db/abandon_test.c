#include "tests/unit/unit.h"

#include "common/db/db.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

UNIT_SUITE(abandon);

static const char *const schema[] = {"CREATE TABLE word (text TEXT PRIMARY KEY)"};

/* Stands before libc's: which files' pages the system was told to forget. */
static struct stat forgotten[8];
static int forgotten_count;

int
posix_fadvise(int fd, off_t offset, off_t len, int advice)
{
	if (offset == 0 && len == 0 && advice == POSIX_FADV_DONTNEED && forgotten_count < 8)
		cr_assert_eq(fstat(fd, &forgotten[forgotten_count++]), 0);
	return 0;
}

static bool
is_forgotten(const struct stat *st)
{
	for (int i = 0; i < forgotten_count; i++) {
		if (forgotten[i].st_dev == st->st_dev && forgotten[i].st_ino == st->st_ino)
			return true;
	}
	return false;
}

static struct db *
open_at(const char *path)
{
	struct error why;
	struct db *db = db_open(path, schema, 1, &why);

	cr_assert_not_null(db, "%s", why.text);
	return db;
}

static int64_t
count(struct db *db)
{
	struct statement *s = db_statement(db, "SELECT count(*) FROM word");
	int64_t n;

	cr_assert_eq(statement_step(s), DB_ROW);
	n = statement_number(s, 0);
	statement_reset(s);
	return n;
}

/* After a failure the WAL is not what the next process shall find in the database, and the system's
 * pages are not what is on the disk. */
Test(abandon, copies_nothing_and_has_the_system_forget)
{
	char folder[] = "/tmp/kurir-abandon-XXXXXX", path[64], wal[80], command[80];
	struct stat before, after;
	struct db *db;

	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.db", folder);
	snprintf(wal, sizeof(wal), "%s-wal", path);
	db = open_at(path);
	cr_assert_eq(stat(path, &before), 0);
	cr_assert_eq(statement_run(db_statement(db, "INSERT INTO word VALUES ('one')")), DB_DONE);
	db_abandon(db);
	cr_assert_eq(stat(wal, &after), 0, "the WAL stays");
	cr_assert_gt(after.st_size, 0);
	cr_assert(is_forgotten(&after), "what could not be written stands in memory");
	cr_assert_eq(stat(path, &after), 0);
	cr_assert(is_forgotten(&after));
	cr_assert_eq(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
	cr_assert_eq(after.st_size, before.st_size);
	db = open_at(path);
	cr_assert_eq(count(db), 1);
	db_close(db);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}
