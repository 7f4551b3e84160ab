/*
 * A process that stores, expunges and copies is killed at any moment. Afterwards all that it said
 * was durable is there, once, and nothing is there by halves.
 */
#include "tests/unit/deliver/mailbox/mailbox_test.h"

#include "common/base/moment.h"
#include "deliver/mailbox/store/body.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/message.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 25, MOST = 4000 };

UNIT_SUITE(mailbox_kill);

static int reports; /* a pipe: the envelopes that were said to be durable */

struct said {
	uint64_t envelope;
};

static void add_next(void);

static void
on_durable(void *owner, bool ok)
{
	struct said *s = owner;

	if (!ok || write(reports, &s->envelope, sizeof(s->envelope)) != sizeof(s->envelope))
		_exit(1);
	free(s);
	add_next();
}

static bool
take_first(void *owner, const struct store_message *m)
{
	*(struct store_message *)owner = *m;
	return false;
}

/* Now and then the oldest goes to Trash. */
static void
move_oldest(void)
{
	struct store_message m = {0};
	struct store_mailbox trash;
	enum store_result r;
	uint64_t modseq;
	uint32_t uid;

	store_each(&test_store, test_inbox.id, 1, UINT32_MAX, take_first, &m);
	if (m.uid == 0 || store_find(&test_store, "Trash", &trash) != STORE_OK)
		return;
	if (!store_begin(&test_store))
		_exit(1);
	modseq = store_next_modseq(&test_store, test_inbox.id);
	/* Half of them by way of a copy, which shares the body for a moment. */
	if (arc4random_uniform(2) == 0) {
		r = store_move(&test_store, &test_inbox, &trash, &m, modseq, &uid);
	} else {
		r = store_copy(&test_store, &trash, &m, modseq, &uid);
		if (r == STORE_OK)
			r = store_expunge(&test_store, &test_inbox, &m, modseq);
	}
	r = r == STORE_OK ? store_put_uidnext(&test_store, &trash) : r;
	store_end(&test_store, r);
}

static uint64_t next_envelope;

static void
add_next(void)
{
	struct said *s = malloc(sizeof(*s));
	char subject[32];
	size_t octets = arc4random_uniform(10) == 0 ? LIMIT_INLINE + 2000 : 700;

	s->envelope = next_envelope++;
	snprintf(subject, sizeof(subject), "e%llu", (unsigned long long)s->envelope);
	test_add(&test_inbox, subject, octets, 0, s->envelope);
	if (arc4random_uniform(3) == 0)
		move_oldest();
	commit_wait(test_store.commit, on_durable, s);
}

_Noreturn static void
work(uint64_t first)
{
	loop_init();
	test_open_store();
	next_envelope = first;
	for (int i = 0; i < 4; i++)
		add_next();
	loop_run();
	_exit(0);
}

/* Runs the work and kills it; marks in said[] what it told. Gives the first envelope after all. */
static uint64_t
run_and_kill(uint64_t first, long wait_us, bool *said)
{
	struct timespec wait = {0, wait_us * 1000};
	uint64_t envelope, last = first;
	int pipes[2], status;
	pid_t child;

	cr_assert_eq(pipe(pipes), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		close(pipes[0]);
		reports = pipes[1];
		work(first);
	}
	close(pipes[1]);
	nanosleep(&wait, NULL);
	kill(child, SIGKILL);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFSIGNALED(status), "the work ended by itself: %d", status);
	while (read(pipes[0], &envelope, sizeof(envelope)) == sizeof(envelope)) {
		cr_assert_lt(envelope, MOST);
		said[envelope] = true;
		last = envelope >= last ? envelope + 1 : last;
	}
	close(pipes[0]);
	/* Up to four were on their way. */
	return last + 4;
}

struct seen {
	unsigned times[MOST];
	uint32_t last_uid, uidnext;
};

static bool
look(void *owner, const struct store_message *m)
{
	struct seen *seen = owner;
	struct buf octets = {0};
	struct slice text;
	uint64_t size, envelope = 0;
	ptrdiff_t at;
	int fd;

	cr_assert_gt(m->uid, seen->last_uid);
	cr_assert_lt(m->uid, seen->uidnext);
	cr_assert_leq(m->modseq, test_store.modseq);
	seen->last_uid = m->uid;
	cr_assert(store_body_read(&test_store, m->body, &octets, &fd, &size));
	cr_assert_eq(size, m->size);
	if (fd >= 0) {
		ssize_t n = read(fd, buf_room(&octets, size), size);

		cr_assert_eq(n, (ssize_t)size, "a file is whole");
		buf_grew(&octets, size);
		close(fd);
	}
	text = buf_slice(&octets);
	at = slice_search(text, SLICE("Subject: e"));
	cr_assert_gt(at, 0);
	for (at += 10; text.data[at] >= '0' && text.data[at] <= '9'; at++)
		envelope = envelope * 10 + (uint64_t)(text.data[at] - '0');
	cr_assert_lt(envelope, MOST);
	seen->times[envelope]++;
	buf_fini(&octets);
	return true;
}

static void
look_at(const char *name, struct seen *seen)
{
	struct store_mailbox m;

	cr_assert_eq(store_find(&test_store, name, &m), STORE_OK);
	seen->last_uid = 0;
	seen->uidnext = m.uidnext;
	store_each(&test_store, m.id, 1, UINT32_MAX, look, seen);
}

static int64_t
number(const char *sql)
{
	struct statement *st = db_statement(test_store.db, sql);
	int64_t n = statement_step(st) == DB_ROW ? statement_number(st, 0) : -1;

	statement_reset(st);
	return n;
}

/* Delivers all again, as queue does; then each is there once. */
static void
check(uint64_t end, const bool *said)
{
	struct seen *seen = calloc(1, sizeof(*seen));
	char subject[32];

	look_at("INBOX", seen);
	look_at("Trash", seen);
	for (uint64_t e = 1; e < end; e++) {
		cr_assert_leq(seen->times[e], 1, "envelope %llu", (unsigned long long)e);
		cr_assert(!said[e] || seen->times[e] == 1, "envelope %llu was lost",
		    (unsigned long long)e);
		snprintf(subject, sizeof(subject), "e%llu", (unsigned long long)e);
		test_add(&test_inbox, subject, 700, 0, e);
	}
	memset(seen, 0, sizeof(*seen));
	look_at("INBOX", seen);
	look_at("Trash", seen);
	for (uint64_t e = 1; e < end; e++)
		cr_assert_eq(seen->times[e], 1, "envelope %llu", (unsigned long long)e);
	cr_assert_eq(
	    number("SELECT count(*) FROM body WHERE id NOT IN (SELECT body FROM message)"), 0);
	cr_assert_eq(number("SELECT count(*) FROM share"), 0);
	cr_assert_eq(number("SELECT count(*) FROM body WHERE file IS NOT NULL"),
	    test_count_files(test_folder, "body-"));
	free(seen);
}

Test(mailbox_kill, what_was_durable_is_there_once, .timeout = 100)
{
	uint64_t end = 1;
	unsigned seed = (unsigned)moment_now().ms;
	bool *said = calloc(MOST, sizeof(*said));

	fprintf(stderr, "mailbox_kill: seed %u\n", seed);
	srand(seed);
	snprintf(test_folder, sizeof(test_folder), "/tmp/kurir-mailbox-XXXXXX");
	cr_assert_not_null(mkdtemp(test_folder));
	for (int i = 0; i < ROUNDS && end < MOST - 1500; i++)
		end = run_and_kill(end, rand() % 60000, said);
	loop_init();
	test_open_store();
	check(end, said);
	test_close_store();
	free(said);
	test_end();
}

/* A session sees a delivery before it is durable, and then it is lost. */
Test(mailbox_kill, what_was_shown_gives_its_uid_to_nobody_else)
{
	struct store_mailbox trash;
	uint64_t shown[3];
	int pipes[2], status;
	pid_t child;

	snprintf(test_folder, sizeof(test_folder), "/tmp/kurir-mailbox-XXXXXX");
	cr_assert_not_null(mkdtemp(test_folder));
	loop_init();
	test_open_store();
	test_add(&test_inbox, "first", 700, 0, 0);
	cr_assert(test_settle());
	test_close_store();
	loop_fini();
	cr_assert_eq(pipe(pipes), 0);
	child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		loop_init();
		test_open_store();
		for (int i = 0; i < 50; i++)
			shown[0] = test_add(&test_inbox, "seen by somebody", 700, 0, 0);
		cr_assert_eq(store_find(&test_store, "Trash", &trash), STORE_OK);
		shown[2] = test_add(&trash, "seen there", 700, 0, 0);
		shown[1] = test_store.modseq;
		if (write(pipes[1], shown, sizeof(shown)) != (ssize_t)sizeof(shown))
			_exit(1);
		_exit(0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(read(pipes[0], shown, sizeof(shown)), (ssize_t)sizeof(shown));
	close(pipes[0]);
	close(pipes[1]);
	loop_init();
	test_open_store();
	cr_assert_str_eq(test_uids("INBOX"), "1", "the others are lost");
	cr_assert_gt(test_add(&test_inbox, "another", 700, 0, 0), shown[0]);
	cr_assert_gt(test_store.modseq, shown[1]);
	cr_assert_eq(store_find(&test_store, "Trash", &trash), STORE_OK);
	cr_assert_gt(trash.uidnext, 1, "its first message may have been seen, too");
	cr_assert(test_settle());
	test_close_store();
	test_end();
}
