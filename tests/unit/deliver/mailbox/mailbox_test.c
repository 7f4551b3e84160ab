#include "tests/unit/deliver/mailbox/mailbox_test.h"

#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/message.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

char test_folder[64];
struct store test_store;
struct store_mailbox test_inbox;
int test_broken;

void
test_begin(void)
{
	snprintf(test_folder, sizeof(test_folder), "/tmp/kurir-mailbox-XXXXXX");
	cr_assert_not_null(mkdtemp(test_folder));
	loop_init();
	accounts_init(test_folder);
	handles_init();
	batch_init();
	signer_init();
}

void
test_end(void)
{
	char command[128];

	loop_fini();
	snprintf(command, sizeof(command), "rm -rf %s", test_folder);
	cr_assert_eq(system(command), 0);
	accounts_fini();
	handles_fini();
	if (UNIT_LEAKED())
		abort();
}

static void
on_broken(void *owner)
{
	test_broken++;
	store_close(&test_store);
}

void
test_open_store(void)
{
	struct error why = {""};

	cr_assert(store_open(&test_store, test_folder, on_broken, NULL, &why), "%s", why.text);
	cr_assert_eq(store_find(&test_store, "INBOX", &test_inbox), STORE_OK);
}

void
test_close_store(void)
{
	store_close(&test_store);
}

static void
on_settled(void *owner, bool ok)
{
	*(int *)owner = ok;
	loop_stop();
}

bool
test_settle(void)
{
	int ok = -1;

	commit_wait(test_store.commit, on_settled, &ok);
	loop_run();
	return ok == 1;
}

void
test_message(struct buf *out, const char *subject, size_t octets)
{
	buf_printf(out,
	    "From: a@example.test\r\nSubject: %s\r\nDate: Mon, 6 Jan 2020 10:00:00 +0000\r\n\r\n",
	    subject);
	while (out->len + 2 < octets)
		buf_add_char(out, out->len % 70 == 69 ? '\n' : 'x');
	buf_add_text(out, "\r\n");
}

enum store_result
test_store_add(
    struct store *s, struct store_mailbox *m, const struct store_new *message, uint32_t *uid)
{
	struct store_new n = *message;
	struct body_file file = {.octets = n.octets, .fd = -1};
	enum store_result r;

	if (n.octets.len <= LIMIT_INLINE)
		return store_add(s, m, &n, uid);
	body_file_make(&file, s->folder);
	r = file.result;
	if (r == STORE_OK) {
		body_file_describe(&file, &n);
		r = store_add(s, m, &n, uid);
	}
	if (r == STORE_OK && *uid != 0)
		body_file_take(&file);
	body_file_fini(&file);
	return r;
}

uint32_t
test_add(
    struct store_mailbox *m, const char *subject, size_t octets, uint8_t flags, uint64_t envelope)
{
	struct buf text = {0};
	struct store_new n = {.date = 1577836800, .flags = flags, .envelope = envelope};
	uint32_t uid;

	test_message(&text, subject, octets);
	n.octets = buf_slice(&text);
	n.size = text.len;
	cr_assert_eq(test_store_add(&test_store, m, &n, &uid), STORE_OK);
	buf_fini(&text);
	return uid;
}

static bool
list_uid(void *owner, const struct store_message *m)
{
	buf_printf(owner, "%s%u", ((struct buf *)owner)->len > 0 ? " " : "", m->uid);
	return true;
}

const char *
test_uids(const char *mailbox)
{
	static char text[2000];
	struct store_mailbox m;
	struct buf out = {0};

	if (store_find(&test_store, mailbox, &m) != STORE_OK)
		return "no mailbox";
	store_each(&test_store, m.id, 1, UINT32_MAX, list_uid, &out);
	slice_copy(buf_slice(&out), text, sizeof(text));
	buf_fini(&out);
	return text;
}

int
test_count_files(const char *folder, const char *prefix)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	int n = 0;

	cr_assert_not_null(dir, "%s", folder);
	while ((e = readdir(dir)) != NULL)
		n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
	closedir(dir);
	return n;
}

int64_t
test_count(const char *sql)
{
	struct statement *st = db_statement(test_store.db, sql);
	int64_t n;

	cr_assert_eq(statement_step(st), DB_ROW);
	n = statement_number(st, 0);
	statement_reset(st);
	return n;
}
