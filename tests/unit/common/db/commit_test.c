#include "tests/unit/turns.h"
#include "tests/unit/unit.h"

#include "common/base/log.h"
#include "common/db/commit.h"
#include "common/net/loop.h"
#include "tests/unit/sync.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

UNIT_SUITE(commit);

static const char *const schema[] = {"CREATE TABLE word (text TEXT PRIMARY KEY)"};

static struct {
	char dir[64], path[96];
	struct db *db;
	struct commit *commit;
	int ok, refused, broken, wanted;
} t;

static void
on_broken(void *owner)
{
	t.broken++;
}

static void
on_done(void *owner, bool ok)
{
	if (ok)
		t.ok++;
	else
		t.refused++;
	if (t.ok + t.refused == t.wanted)
		loop_stop();
}

static void
open_db(void)
{
	struct error why;

	t.db = db_open(t.path, schema, 1, &why);
	cr_assert_not_null(t.db, "%s", why.text);
	t.commit = commit_new(t.db, on_broken, NULL);
}

static void
set_up(void)
{
	memset(&t, 0, sizeof(t));
	snprintf(t.dir, sizeof(t.dir), "/tmp/kurir-commit-XXXXXX");
	cr_assert_not_null(mkdtemp(t.dir));
	snprintf(t.path, sizeof(t.path), "%s/a.db", t.dir);
	loop_init();
	open_db();
}

static void
tear_down(void)
{
	char command[128];

	commit_free(t.commit);
	db_close(t.db);
	loop_fini();
	snprintf(command, sizeof(command), "rm -rf %s", t.dir);
	cr_assert_eq(system(command), 0);
}

static enum db_result
add(const char *word)
{
	struct statement *s;

	cr_assert(commit_begin(t.commit));
	s = db_statement(t.db, "INSERT INTO word VALUES (?)");
	statement_bind_text(s, 1, slice_of(word));
	return statement_run(s);
}

static int64_t
count(void)
{
	struct statement *s = db_statement(t.db, "SELECT count(*) FROM word");
	int64_t n;

	cr_assert_eq(statement_step(s), DB_ROW);
	n = statement_number(s, 0);
	statement_reset(s);
	return n;
}

Test(commit, many_changes_of_a_turn_are_answered_together)
{
	char word[16];

	set_up();
	t.wanted = 100;
	for (int i = 0; i < 100; i++) {
		snprintf(word, sizeof(word), "w%d", i);
		cr_assert_eq(add(word), DB_DONE);
		commit_wait(t.commit, on_done, NULL);
	}
	cr_assert_eq(t.ok, 0, "nobody is answered before the sync");
	loop_run();
	cr_assert_eq(t.ok, 100);
	cr_assert_eq(count(), 100);
	tear_down();
}

Test(commit, a_change_is_taken_back_alone)
{
	set_up();
	t.wanted = 1;
	add("kept");
	cr_assert(commit_save(t.commit));
	add("undone");
	cr_assert_eq(add("kept"), DB_CONSTRAINT);
	commit_undo(t.commit);
	commit_wait(t.commit, on_done, NULL);
	loop_run();
	cr_assert_eq(count(), 1);
	tear_down();
}

static bool
add_aside(void *owner)
{
	return add("aside") == DB_DONE && add("alone") == DB_DONE;
}

/* Nobody waits for it; and it is gone whole, or there whole, whatever others do. */
Test(commit, a_change_aside_is_kept_or_taken_back_at_once)
{
	set_up();
	cr_assert(commit_is_quiet(t.commit));
	cr_assert(commit_aside(t.commit, add_aside, NULL));
	cr_assert_not(db_has_transaction(t.db));
	cr_assert_eq(count(), 2);
	cr_assert_not(commit_aside(t.commit, add_aside, NULL), "the words are there already");
	cr_assert_not(db_has_transaction(t.db));
	cr_assert(commit_is_quiet(t.commit));
	cr_assert_eq(count(), 2);
	t.wanted = 1;
	add("kept");
	cr_assert_not(commit_is_quiet(t.commit));
	commit_wait(t.commit, on_done, NULL);
	loop_run();
	cr_assert_eq(t.ok, 1);
	cr_assert(commit_is_quiet(t.commit));
	cr_assert_eq(count(), 3);
	cr_assert_eq(t.broken, 0);
	tear_down();
}

Test(commit, a_removed_file_makes_nothing_durable_and_is_named)
{
	char command[128], log[128], said[1024] = "";
	int keep, file;

	set_up();
	t.wanted = 1;
	add("kept");
	commit_wait(t.commit, on_done, NULL);
	loop_run();
	cr_assert_eq(t.ok, 1);
	cr_assert(db_is_there(t.db));
	snprintf(command, sizeof(command), "rm %s*", t.path);
	cr_assert_eq(system(command), 0);
	cr_assert_not(db_is_there(t.db));
	t.wanted = 2;
	cr_assert_eq(add("lost"), DB_DONE);
	commit_wait(t.commit, on_done, NULL);
	snprintf(log, sizeof(log), "%s/log", t.dir);
	keep = dup(STDERR_FILENO);
	file = open(log, O_CREAT | O_RDWR, 0600);
	dup2(file, STDERR_FILENO);
	loop_run();
	log_flush();
	dup2(keep, STDERR_FILENO);
	close(keep);
	cr_assert_gt(pread(file, said, sizeof(said) - 1, 0), 0);
	close(file);
	cr_assert_not_null(strstr(said, "/a.db-wal: somebody removed it"), "%s", said);
	cr_assert_eq(t.refused, 1);
	cr_assert_eq(t.broken, 1);
	tear_down();
}

/* A kernel tells of a lost page only once: the sync after it would say that all is well. */
Test(commit, after_a_failed_sync_nothing_is_durable_any_more)
{
	set_up();
	t.wanted = 1;
	add("lost");
	commit_wait(t.commit, on_done, NULL);
	sync_fail_at(1);
	loop_run();
	cr_assert_eq(t.refused, 1);
	cr_assert_eq(t.broken, 1);
	cr_assert_not(commit_begin(t.commit));
	cr_assert_not(commit_save(t.commit));
	tear_down();
}

/* The files as a crash leaves them: what was answered is there, without repair. */
Test(commit, a_copy_of_the_files_holds_what_was_answered)
{
	char command[256];
	struct error why;
	struct db *copy;
	struct statement *s;

	set_up();
	t.wanted = 1;
	add("durable");
	commit_wait(t.commit, on_done, NULL);
	loop_run();
	snprintf(
	    command, sizeof(command), "mkdir %s/copy && cp %s/a.db* %s/copy", t.dir, t.dir, t.dir);
	cr_assert_eq(system(command), 0);
	snprintf(command, sizeof(command), "%s/copy/a.db", t.dir);
	copy = db_open(command, schema, 1, &why);
	cr_assert_not_null(copy, "%s", why.text);
	s = db_statement(copy, "SELECT text FROM word");
	cr_assert_eq(statement_step(s), DB_ROW);
	cr_slice_eq(statement_octets(s, 0), "durable");
	statement_reset(s);
	db_close(copy);
	tear_down();
}

/* Without end the WAL would fill the disk; cut at each turn it would have to grow at each. */
Test(commit, the_wal_is_written_again_from_its_start)
{
	enum { AT = 400 * 1024 };
	char wal[128], word[16];
	struct stat st;

	set_up();
	commit_checkpoint_at(t.commit, AT);
	snprintf(wal, sizeof(wal), "%s-wal", t.path);
	for (int i = 0; i < 1000; i++) {
		snprintf(word, sizeof(word), "w%d", i);
		cr_assert_eq(add(word), DB_DONE);
		t.wanted++;
		commit_wait(t.commit, on_done, NULL);
		loop_run();
	}
	cr_assert_eq(t.ok, 1000);
	cr_assert_eq(stat(wal, &st), 0);
	cr_assert_gt(st.st_size, AT / 2, "%lld", (long long)st.st_size);
	cr_assert_lt(st.st_size, 5 * AT, "%lld", (long long)st.st_size);
	cr_assert_eq(count(), 1000);
	commit_free(t.commit);
	db_close(t.db);
	open_db();
	cr_assert_eq(count(), 1000);
	tear_down();
}

Test(commit, the_patient_wait_until_somebody_hurries_them)
{
	set_up();
	t.wanted = 2;
	cr_assert_eq(add("one"), DB_DONE);
	commit_wait_patiently(t.commit, on_done, NULL);
	turns_for(30);
	cr_assert_eq(add("two"), DB_DONE);
	commit_wait_patiently(t.commit, on_done, NULL);
	turns_for(30);
	cr_assert_eq(t.ok + t.refused, 0, "nobody hurries");
	commit_hurry(t.commit);
	loop_run();
	cr_assert_eq(t.ok, 2);
	commit_hurry(t.commit);
	turns_for(30);
	t.wanted = 3;
	cr_assert_eq(add("three"), DB_DONE);
	commit_wait_patiently(t.commit, on_done, NULL);
	turns_for(30);
	cr_assert_eq(t.ok, 2, "that hurry was over before");
	tear_down();
}

Test(commit, who_waits_takes_the_patient_along)
{
	set_up();
	t.wanted = 2;
	cr_assert_eq(add("one"), DB_DONE);
	commit_wait_patiently(t.commit, on_done, NULL);
	turns_for(10);
	cr_assert_eq(add("two"), DB_DONE);
	commit_wait(t.commit, on_done, NULL);
	loop_run();
	cr_assert_eq(t.ok, 2);
	/* And the next have patience again. */
	t.wanted = 3;
	commit_wait_patiently(t.commit, on_done, NULL);
	turns_for(10);
	cr_assert_eq(t.ok, 2);
	commit_free(t.commit);
	t.commit = NULL;
	cr_assert_eq(t.refused, 1);
	tear_down();
}

/* Else the end of the first would answer for what was committed after its beginning. */
Test(commit, one_sync_runs_at_a_time)
{
	set_up();
	t.wanted = 2;
	sync_hold(true);
	add("one");
	commit_wait(t.commit, on_done, NULL);
	turns_for(30);
	add("two");
	commit_wait(t.commit, on_done, NULL);
	turns_for(30);
	sync_hold(false);
	loop_run();
	cr_assert_eq(t.ok, 2);
	cr_assert_eq(sync_most_at_once(), 1);
	tear_down();
}

Test(commit, soon_is_for_what_nobody_waits_for)
{
	char wal[128];

	set_up();
	add("one");
	turns_for(30);
	snprintf(wal, sizeof(wal), "%s-wal", t.path);
	sync_forget();
	commit_soon(t.commit);
	for (int i = 0; i < 1000 && !sync_was(wal); i++)
		turns_for(20);
	cr_assert(sync_was(wal));
	turns_for(30);
	tear_down();
}

Test(commit, what_was_left_without_closing_is_known)
{
	char wal[128], copy[160], command[600];
	struct error why;
	struct db *db;

	set_up();
	cr_assert_not(db_was_left(t.db), "it was new");
	t.wanted = 1;
	cr_assert_eq(add("one"), DB_DONE);
	commit_wait(t.commit, on_done, NULL);
	loop_run();
	snprintf(wal, sizeof(wal), "%s-wal", t.path);
	snprintf(copy, sizeof(copy), "%s/copy.db", t.dir);
	snprintf(command, sizeof(command), "cp %s %s && cp %s %s-wal", t.path, copy, wal, copy);
	cr_assert_eq(system(command), 0);
	db = db_open(copy, schema, 1, &why);
	cr_assert_not_null(db, "%s", why.text);
	cr_assert(db_was_left(db));
	db_close(db);
	db = db_open(copy, schema, 1, &why);
	cr_assert_not(db_was_left(db), "it was closed");
	db_close(db);
	tear_down();
}

/* It may never have reached the disk, and somebody is about to be told of it. */
Test(commit, what_another_left_is_synced_with_its_name)
{
	char copy[128], wal[160], command[600];
	struct error why;
	struct db *db;

	set_up();
	t.wanted = 1;
	add("left");
	commit_wait(t.commit, on_done, NULL);
	loop_run();
	snprintf(copy, sizeof(copy), "%s/copy/a.db", t.dir);
	snprintf(wal, sizeof(wal), "%s-wal", copy);
	snprintf(command, sizeof(command), "mkdir %s/copy && cp %s %s-wal %s/copy", t.dir, t.path,
	    t.path, t.dir);
	cr_assert_eq(system(command), 0);
	db = db_open(copy, schema, 1, &why);
	cr_assert_not_null(db, "%s", why.text);
	cr_assert(sync_was(wal));
	*strrchr(copy, '/') = '\0';
	cr_assert(sync_was(copy));
	db_close(db);
	tear_down();
}

/* SQLite alone would begin anew, and remove the WAL that holds everything. */
Test(commit, a_database_that_was_cut_to_nothing_keeps_its_wal)
{
	char command[600];
	struct error why = {""};

	set_up();
	t.wanted = 1;
	add("kept");
	commit_wait(t.commit, on_done, NULL);
	loop_run();
	snprintf(command, sizeof(command),
	    "cd %s && cp a.db whole.db && cp a.db-wal b.db-wal && : >b.db", t.dir);
	cr_assert_eq(system(command), 0);
	commit_free(t.commit);
	t.commit = NULL;
	db_close(t.db);
	snprintf(t.path, sizeof(t.path), "%s/b.db", t.dir);
	t.db = db_open(t.path, schema, 1, &why);
	cr_assert_null(t.db);
	cr_assert_not_null(strstr(why.text, "put back a copy"), "%s", why.text);
	snprintf(command, sizeof(command), "cd %s && rm b.db", t.dir);
	cr_assert_eq(system(command), 0);
	cr_assert_null(db_open(t.path, schema, 1, &why));
	snprintf(command, sizeof(command), "cd %s && cp whole.db b.db", t.dir);
	cr_assert_eq(system(command), 0);
	open_db();
	cr_assert_eq(count(), 1);
	tear_down();
}

/* A statement without room takes the whole transaction with it, of which the others
 * know nothing. */
Test(commit, after_a_rollback_nothing_gets_in_behind_the_refusal)
{
	struct error why;

	set_up();
	t.wanted = 1;
	cr_assert_eq(add("first"), DB_DONE);
	commit_wait(t.commit, on_done, NULL);
	cr_assert_eq(db_exec(t.db, "PRAGMA max_page_count = 1"), DB_DONE);
	cr_assert(commit_save(t.commit));
	cr_assert_eq(db_exec(t.db, "INSERT INTO word VALUES (hex(zeroblob(100000)))"), DB_FULL);
	commit_undo(t.commit);
	if (commit_save(t.commit)) {
		cr_assert_eq(add("behind"), DB_DONE);
		commit_keep(t.commit);
	}
	loop_run();
	cr_assert_eq(t.refused, 1);
	cr_assert_eq(t.broken, 1);
	commit_free(t.commit);
	db_close(t.db);
	t.db = db_open(t.path, schema, 1, &why);
	cr_assert_eq(count(), 0, "what was refused comes back");
	t.commit = commit_new(t.db, on_broken, NULL);
	tear_down();
}

Test(commit, a_statement_that_could_not_be_prepared_is_tried_again)
{
	static const char sql[] = "SELECT count(*) FROM later";
	struct statement *s;

	set_up();
	cr_assert_eq(statement_step(db_statement(t.db, sql)), DB_ERROR);
	cr_assert_eq(db_exec(t.db, "CREATE TABLE later (id INTEGER)"), DB_DONE);
	s = db_statement(t.db, sql);
	cr_assert_eq(statement_step(s), DB_ROW);
	statement_reset(s);
	tear_down();
}

Test(commit, freeing_refuses_who_still_waits)
{
	set_up();
	t.wanted = 2;
	add("x");
	commit_wait(t.commit, on_done, NULL);
	commit_free(t.commit);
	t.commit = NULL;
	cr_assert_eq(t.refused, 1);
	db_close(t.db);
	open_db();
	cr_assert_eq(count(), 1);
	tear_down();
}

Test(commit, nobody_else_reads_its_files)
{
	static const char *const endings[] = {"", "-wal"};
	char path[128];
	struct stat st;

	umask(0);
	set_up();
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", t.path, endings[i]);
		cr_assert_eq(stat(path, &st), 0, "%s", path);
		cr_assert_eq(st.st_mode & 077, 0, "%s: %o", path, (unsigned)st.st_mode);
	}
	tear_down();
}

Test(commit, a_newer_schema_is_refused_with_a_sentence)
{
	struct error why = {""};

	set_up();
	db_exec(t.db, "PRAGMA user_version = 9");
	commit_free(t.commit);
	t.commit = NULL;
	db_close(t.db);
	t.db = db_open(t.path, schema, 1, &why);
	cr_assert_null(t.db);
	cr_assert_not_null(strstr(why.text, "newer Kurir"));
	tear_down();
}

/* SQLite takes what does not open for writing for read-only, and goes on. */
static int
open_wal_for_reading(const char *path, int flags, int mode)
{
	size_t len = strlen(path);

	if ((flags & O_RDWR) != 0 && strcmp(path + len - 4, "-wal") == 0) {
		errno = EMFILE;
		return -1;
	}
	return open(path, flags, mode);
}

Test(commit, a_database_that_opens_for_reading_alone_is_refused)
{
	char copy[160], command[600];
	struct error why = {""};
	sqlite3_vfs *vfs;

	set_up();
	cr_assert_eq(add("one"), DB_DONE);
	t.wanted = 1;
	commit_wait(t.commit, on_done, NULL);
	loop_run();
	snprintf(copy, sizeof(copy), "%s/copy.db", t.dir);
	snprintf(
	    command, sizeof(command), "cp %s %s && cp %s-wal %s-wal", t.path, copy, t.path, copy);
	cr_assert_eq(system(command), 0);
	vfs = sqlite3_vfs_find(NULL);
	vfs->xSetSystemCall(vfs, "open", (sqlite3_syscall_ptr)open_wal_for_reading);
	cr_assert_null(db_open(copy, schema, 1, &why));
	cr_assert_not_null(strstr(why.text, "copy.db for writing"), "%s", why.text);
	vfs->xSetSystemCall(vfs, "open", NULL);
	tear_down();
}

static int64_t
pragma(const char *sql)
{
	struct statement *s = db_statement(t.db, sql);
	int64_t n;

	cr_assert_eq(statement_step(s), DB_ROW);
	n = statement_number(s, 0);
	statement_reset(s);
	return n;
}

/* What no test of a running system sees: a checkpoint that outruns the WAL, and what is deleted. */
Test(commit, settings)
{
	enum { NORMAL = 1, FAST = 2 };

	set_up();
	cr_assert_eq(pragma("PRAGMA synchronous"), NORMAL);
	cr_assert_eq(pragma("PRAGMA secure_delete"), FAST);
	cr_assert_eq(pragma("PRAGMA foreign_keys"), 1);
	tear_down();
}
