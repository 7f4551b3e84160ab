/* What the mail store takes at most, and what it forgets in time. */
#include "tests/unit/deliver/mailbox/asker.h"

#include "deliver/mailbox/grant.h"
#include "deliver/mailbox/handle.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/message.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { GRANTS = 20000, RESERVE = 16 * 1024 * 1024, BLOCK = 4096 };

static uint64_t free_blocks; /* 0: as many as there are */

/* Stands before libc's, so that the disk is as full as a test wants it. */
int
statvfs(const char *path, struct statvfs *v)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), result = fd < 0 ? -1 : fstatvfs(fd, v);

	if (fd >= 0)
		close(fd);
	if (free_blocks > 0) {
		v->f_frsize = v->f_bsize = BLOCK;
		v->f_blocks = 1 << 24;
		v->f_bavail = free_blocks;
	}
	return result;
}

static void
set_up(void)
{
	test_begin();
	test_open_store();
}

static void
tear_down(void)
{
	test_close_store();
	test_end();
}

TestSuite(mailbox_limit, .init = set_up, .fini = tear_down);

static struct slice
token_of(int n)
{
	static char token[TOKEN_OCTETS];

	memcpy(token, &n, sizeof(n));
	return slice_make(token, sizeof(token));
}

Test(mailbox_limit, grants)
{
	char account[LIMIT_USER + 1];

	for (int i = 0; i <= GRANTS; i++)
		grant_add(token_of(i), SLICE("u@a.test"), 60);
	cr_assert_not(grant_take(token_of(GRANTS), account));
	for (int i = 0; i < GRANTS; i++)
		cr_assert(grant_take(token_of(i), account));
	for (int i = 0; i <= GRANTS; i++)
		grant_add(token_of(i), SLICE("u@a.test"), i < GRANTS ? 0 : 60);
	cr_assert(grant_take(token_of(GRANTS), account), "what has lapsed makes room");
}

Test(mailbox_limit, a_store_that_nobody_touches_rests)
{
	struct error why = {""};
	struct account *busy = account_open(SLICE("busy@a.test"), &why);
	struct account *idle = account_open(SLICE("idle@a.test"), &why);
	struct store_mailbox inbox;

	cr_assert_eq(store_find(&idle->store, "INBOX", &inbox), STORE_OK);
	account_release(idle);
	cr_assert(accounts_rest(SPAN_SECONDS(3600)), "it was touched just now");
	cr_assert_not(idle->is_resting);
	cr_assert_not(accounts_rest(SPAN_MS(0)));
	cr_assert(idle->is_resting && idle->is_open);
	cr_assert_not(busy->is_resting);
	cr_assert_eq(account_open(SLICE("idle@a.test"), &why), idle);
	cr_assert_eq(store_find(&idle->store, "INBOX", &inbox), STORE_OK);
	account_release(idle);
	cr_assert_not(idle->is_resting);
	account_release(busy);
	accounts_close_all();
}

Test(mailbox_limit, handles)
{
	struct error why = {""};
	struct account *a = account_open(SLICE("u@a.test"), &why);

	cr_assert_not_null(a, "%s", why.text);
	for (int i = 0; i < LIMIT_HANDLES; i++)
		cr_assert_not_null(handle_new(NULL, a, false));
	cr_assert_null(handle_new(NULL, a, false));
	handles_forget(NULL);
	account_release(a);
	accounts_close_all();
}

/* Queue may ask again for what was delivered as long as mail lives there, and longer. */
Test(mailbox_limit, marks_of_deliveries_last_a_month)
{
	test_add(&test_inbox, "old", 300, 0, 1);
	test_add(&test_inbox, "a month", 300, 0, 2);
	test_add(&test_inbox, "young", 300, 0, 3);
	db_exec(test_store.db, "UPDATE delivered SET time = time - 86400 * 31 WHERE envelope = 1;"
			       "UPDATE delivered SET time = time - 86400 * 29 WHERE envelope = 2");
	test_close_store();
	test_open_store();
	cr_assert_eq(test_add(&test_inbox, "a month", 300, 0, 2), 0);
	cr_assert_eq(test_add(&test_inbox, "young", 300, 0, 3), 0);
	cr_assert_eq(test_count("SELECT count(*) FROM delivered"), 2);
}

/* The last of the disk is for what makes room. */
Test(mailbox_limit, a_disk_that_is_nearly_full_takes_no_more_mail)
{
	static char text[3 * BLOCK];
	struct store_new n = {
	    .date = 1, .octets = slice_make(text, sizeof(text)), .size = sizeof(text)};
	uint32_t uid;

	memset(text, '\n', sizeof(text));
	free_blocks = RESERVE / BLOCK + 3;
	cr_assert_eq(store_add(&test_store, &test_inbox, &n, &uid), STORE_FULL);
	n.octets.len = n.size = BLOCK;
	cr_assert_eq(store_add(&test_store, &test_inbox, &n, &uid), STORE_OK);
	usleep(100 * 1000); /* until it is looked at again */
	free_blocks = RESERVE / BLOCK;
	cr_assert_eq(store_add(&test_store, &test_inbox, &n, &uid), STORE_FULL);
	cr_assert_str_eq(test_uids("INBOX"), "1");
}
