/* The files of large bodies, made in the pool: what comes of them, and of what
 * happens meanwhile. */
#include "deliver/mailbox/store/index.h"
#include "tests/unit/deliver/mailbox/asker.h"
#include "tests/unit/sync.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BEFORE "Return-Path: <s@x.test>\r\n"

enum { BIG = LIMIT_INLINE + 5000, A_WHILE_MS = 100 };

static struct asker alice, bob, queue;
static struct buf text;
static char folder[100]; /* alice's */

static void
set_up(void)
{
	test_begin();
	asker_open(&alice, verbs);
	asker_open(&bob, verbs);
	asker_open(&queue, delivery);
	asker_login(&alice, "alice@a.test");
	asker_login(&bob, "bob@a.test");
	snprintf(folder, sizeof(folder), "%s/a.test/alice", test_folder);
	text = (struct buf){0};
	test_message(&text, "big", BIG);
}

static void
tear_down(void)
{
	buf_fini(&text);
	asker_close(&alice);
	asker_close(&bob);
	asker_close(&queue);
	accounts_close_all();
	test_end();
}

TestSuite(mailbox_body_file, .init = set_up, .fini = tear_down);

static int
count_files(void)
{
	return test_count_files(folder, "body-");
}

/* A file without a name that holds those octets. */
static int
make_source(struct slice octets)
{
	char path[] = "/tmp/kurir-body-file-XXXXXX";
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	unlink(path);
	cr_assert_eq(write(fd, octets.data, octets.len), (ssize_t)octets.len);
	return fd;
}

static struct body_file
of_file(int fd, uint64_t size)
{
	struct body_file f = {.fd = fd, .fd_size = size};

	buf_add_text(&f.before, BEFORE);
	return f;
}

static bool
wants_none(const void *owner, struct slice message)
{
	cr_assert_eq(message.len, BIG, "it is asked of the message alone");
	return false;
}

static void
read_back(const struct body_file *f, struct buf *out)
{
	char path[1200];
	FILE *file;
	int c;

	snprintf(path, sizeof(path), "%s/%s", f->folder, f->name);
	file = fopen(path, "r");
	cr_assert_not_null(file, "%s", path);
	cr_assert(sync_was(path));
	while ((c = getc(file)) != EOF)
		buf_add_char(out, (char)c);
	fclose(file);
}

Test(mailbox_body_file, it_holds_our_lines_and_the_message_and_is_durable)
{
	struct buf whole = {0}, is = {0};
	struct body_file f = of_file(make_source(buf_slice(&text)), text.len);
	struct store_index index;

	buf_add_text(&whole, BEFORE);
	buf_add_slice(&whole, buf_slice(&text));
	store_index_make(buf_slice(&whole), &index);
	sync_forget();
	cr_assert(body_file_make(&f, folder));
	cr_assert_eq(f.size, whole.len);
	cr_assert_eq(f.index.header_size, index.header_size);
	cr_assert(slice_equal(f.index.envelope, index.envelope));
	read_back(&f, &is);
	cr_assert(slice_equal(buf_slice(&is), buf_slice(&whole)));
	cr_assert(sync_was(folder));
	close(f.fd);
	body_file_fini(&f);
	store_index_fini(&index);
	buf_fini(&whole);
	buf_fini(&is);
	turns_for(A_WHILE_MS);
	cr_assert_eq(count_files(), 0, "what nobody took is removed");
}

Test(mailbox_body_file, bare_ends_of_lines_are_mended_where_that_is_asked_for)
{
	struct buf is = {0};
	struct body_file f = {.octets = SLICE("a\nb\r\n"), .fd = -1, .mends_lines = true};

	cr_assert(body_file_make(&f, folder));
	read_back(&f, &is);
	cr_assert(slice_equal_text(buf_slice(&is), "a\r\nb\r\n"));
	cr_assert_eq(f.size, is.len);
	body_file_take(&f);
	body_file_fini(&f);
	buf_fini(&is);
	turns_for(A_WHILE_MS);
	cr_assert_eq(count_files(), 1, "what was taken stays");
}

Test(mailbox_body_file, a_failure_says_why_and_leaves_no_file)
{
	static const struct {
		unsigned failing_sync;
		uint64_t more; /* than there is */
		const char *folder;
		bool is_unwanted;
		enum store_result result;
	} cases[] = {
	    {.failing_sync = 1 /* the file's */, .result = STORE_FULL},
	    {.failing_sync = 2 /* the folder's */, .result = STORE_FULL},
	    {.folder = "/nowhere", .result = STORE_FULL},
	    {.more = 1, .result = STORE_BROKEN},
	    {.is_unwanted = true, .result = STORE_CANNOT},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = make_source(buf_slice(&text));
		struct body_file f = of_file(fd, text.len + cases[i].more);

		f.wants = cases[i].is_unwanted ? wants_none : NULL;
		sync_fail_at(cases[i].failing_sync);
		cr_assert_not(
		    body_file_make(&f, cases[i].folder != NULL ? cases[i].folder : folder));
		cr_assert_eq(f.result, cases[i].result, "case %zu", i);
		cr_assert_eq(count_files(), 0, "case %zu", i);
		body_file_fini(&f);
		close(fd);
	}
}

static void
begin_append(void)
{
	struct am_spool spool = {.handle = alice.handle};
	struct am_append m = {.handle = alice.handle, .name = SLICE("INBOX"), .size = text.len};

	asker_ask(&alice, &am_spool_schema, &spool);
	cr_assert_eq(alice.end, &am_spooled_schema);
	cr_assert_eq(write(alice.spool_fd, text.data, text.len), (ssize_t)text.len);
	close(alice.spool_fd);
	m.spool = alice.spool;
	asker_send(&alice, &am_append_schema, &m);
	turns_for(A_WHILE_MS);
}

static uint32_t
count_messages(struct asker *a)
{
	struct am_status status = {.handle = a->handle, .name = SLICE("INBOX")};

	asker_ask(a, &am_status_schema, &status);
	cr_assert_eq(a->end, &am_status_is_schema);
	return a->messages;
}

/* As queue, which hands over a file. */
static void
begin_delivery(const char *accounts, uint64_t first)
{
	struct qm_deliver deliver = {
	    .message = 1, .sender = SLICE("s@x.test"), .arrival = 1, .size = text.len};
	struct slice rest = slice_of(accounts), one;

	while (slice_split(&rest, ' ', &one))
		deliver.rcpts++;
	asker_send(&queue, &qm_deliver_schema, &deliver);
	queue.messages = deliver.rcpts;
	rest = slice_of(accounts);
	while (slice_split(&rest, ' ', &one)) {
		struct qm_rcpt r = {.envelope = first++, .account = one, .address = one};

		cr_assert(qm_rcpt_send(queue.mine, queue.request, &r, -1));
	}
	cr_assert(qm_body_send(queue.mine, queue.request, &(struct qm_body){.octets = SLICE("")},
	    make_source(buf_slice(&text))));
	turns_for(A_WHILE_MS);
}

/* The sync of a large file takes as long as it takes: whoever asks meanwhile is heard. */
Test(mailbox_body_file, nobody_waits_for_a_large_append_of_another)
{
	sync_hold(true);
	begin_append();
	cr_assert_null(alice.end);
	cr_assert_eq(count_messages(&bob), 0);
	sync_hold(false);
	asker_wait(&alice);
	cr_assert_eq(alice.end, &am_appended_schema);
	cr_assert_eq(count_messages(&alice), 1);
	cr_assert_eq(count_files(), 1);
}

Test(mailbox_body_file, nobody_waits_for_a_large_delivery_to_others)
{
	sync_hold(true);
	begin_delivery("alice@a.test carol@a.test", 1);
	cr_assert_null(queue.end);
	cr_assert_eq(count_messages(&bob), 0);
	sync_hold(false);
	asker_wait(&queue);
	cr_assert_eq(queue.delivered, 2);
	cr_assert_eq(count_messages(&alice), 1);
	cr_assert_eq(count_files(), 1);
	cr_assert_eq(count_messages(&bob), 0);
}

Test(mailbox_body_file, a_large_delivery_comes_once_and_not_in_a_circle)
{
	begin_delivery("alice@a.test", 1);
	asker_wait(&queue);
	begin_delivery("alice@a.test alice@a.test", 1);
	asker_wait(&queue);
	cr_assert_eq(queue.delivered, 2);
	cr_assert_eq(count_messages(&alice), 2);
	buf_clear(&text);
	buf_add_text(&text, "Delivered-To: alice@a.test\r\n");
	test_message(&text, "big", BIG);
	begin_delivery("alice@a.test", 3);
	asker_wait(&queue);
	cr_assert_eq(queue.delivered, 0);
	cr_assert_eq(count_messages(&alice), 2);
	turns_for(A_WHILE_MS);
	cr_assert_eq(count_files(), 2);
}

/* With our lines it is too large to stand in the database, though it came in the frame. */
Test(mailbox_body_file, a_message_that_grows_gets_a_file)
{
	buf_add_char(&text, '\0');
	memmove(text.data + LIMIT_INLINE - 2, "\r\n", 3);
	asker_deliver(&queue, "alice@a.test bob@a.test", 1, text.data);
	cr_assert_eq(queue.delivered, 2);
	cr_assert_eq(count_files(), 1);
	cr_assert_eq(count_messages(&bob), 1);
}

Test(mailbox_body_file, an_asker_that_is_gone_leaves_nothing)
{
	sync_hold(true);
	begin_append();
	asker_close(&alice);
	asker_open(&alice, verbs);
	asker_login(&alice, "alice@a.test");
	sync_hold(false);
	turns_for(A_WHILE_MS);
	cr_assert_eq(count_messages(&alice), 0);
	cr_assert_eq(count_files(), 0);
	begin_append();
	asker_wait(&alice);
	cr_assert_eq(count_messages(&alice), 1);
}

/* It tries again, and its marks would tell it that this came already, had it been stored. */
Test(mailbox_body_file, a_queue_that_is_gone_leaves_nothing)
{
	sync_hold(true);
	begin_delivery("alice@a.test bob@a.test", 1);
	asker_close(&queue);
	asker_open(&queue, delivery);
	sync_hold(false);
	turns_for(A_WHILE_MS);
	cr_assert_eq(count_messages(&alice), 0);
	cr_assert_eq(count_messages(&bob), 0);
	cr_assert_eq(count_files(), 0);
	begin_delivery("alice@a.test bob@a.test", 1);
	asker_wait(&queue);
	cr_assert_eq(queue.delivered, 2);
	cr_assert_eq(count_messages(&bob), 1);
}

static void
note_done(void *owner)
{
	*(bool *)owner = true;
}

/* Whoever opened the store anew may have swept the file away. */
Test(mailbox_body_file, a_store_that_was_opened_anew_takes_no_old_file)
{
	struct error why = {""};
	bool is_done = false;
	struct body_file f = {
	    .octets = buf_slice(&text), .fd = -1, .done = note_done, .owner = &is_done};

	for (int is_anew = 0; is_anew <= 1; is_anew++) {
		struct account *a = account_open(SLICE("alice@a.test"), &why);
		struct body_file made = f;

		cr_assert_not_null(a, "%s", why.text);
		body_file_begin(&made, a);
		account_release(a);
		if (is_anew) {
			accounts_close_all();
			cr_assert_eq(count_messages(&alice), 0);
		}
		while (!is_done)
			turns_for(1);
		is_done = false;
		cr_assert_eq(body_file_result(&made), is_anew ? STORE_BROKEN : STORE_OK);
		body_file_fini(&made);
		turns_for(A_WHILE_MS);
		cr_assert_eq(count_files(), 0);
	}
}

Test(mailbox_body_file, a_mailbox_that_goes_meanwhile_gets_nothing)
{
	struct am_spool spool = {.handle = alice.handle};
	struct am_append m = {.handle = alice.handle, .name = SLICE("Junk"), .size = text.len};
	struct asker other;
	struct am_remove gone = {.name = SLICE("Junk")};

	asker_open(&other, verbs);
	asker_login(&other, "alice@a.test");
	asker_ask(&alice, &am_spool_schema, &spool);
	cr_assert_eq(write(alice.spool_fd, text.data, text.len), (ssize_t)text.len);
	close(alice.spool_fd);
	m.spool = alice.spool;
	sync_hold(true);
	asker_send(&alice, &am_append_schema, &m);
	gone.handle = other.handle;
	asker_send(&other, &am_remove_schema, &gone);
	turns_for(A_WHILE_MS);
	sync_hold(false);
	asker_wait(&alice);
	cr_assert_eq(alice.end, &am_no_schema);
	cr_assert_eq(alice.code, AM_TRYCREATE);
	asker_wait(&other);
	cr_assert_eq(other.end, &am_ok_schema);
	asker_close(&other);
	turns_for(A_WHILE_MS);
	cr_assert_eq(count_files(), 0);
}

/* As many as may be on their way at once: what is copied still counts. */
Test(mailbox_body_file, a_large_append_counts_until_its_file_is_made)
{
	struct asker others[LIMIT_ACCOUNT_APPENDS];
	int refused = 0;

	sync_hold(true);
	begin_append();
	for (int i = 0; i < LIMIT_ACCOUNT_APPENDS; i++) {
		struct am_spool spool;

		asker_open(&others[i], verbs);
		asker_login(&others[i], "alice@a.test");
		spool.handle = others[i].handle;
		asker_ask(&others[i], &am_spool_schema, &spool);
		if (others[i].end == &am_spooled_schema)
			close(others[i].spool_fd);
		else
			refused++;
	}
	cr_assert_eq(refused, 1);
	sync_hold(false);
	asker_wait(&alice);
	for (int i = 0; i < LIMIT_ACCOUNT_APPENDS; i++)
		asker_close(&others[i]);
	begin_append();
	asker_wait(&alice);
	cr_assert_eq(alice.end, &am_appended_schema);
}

static int violations;

static void
note_violation(const struct channel *c)
{
	violations++;
}

/* What imapd says and what it sends must be the same. */
Test(mailbox_body_file, an_append_has_the_octets_that_were_said)
{
	struct am_append m = {
	    .name = SLICE("INBOX"), .octets = SLICE("Subject: x\r\n\r\n"), .size = 15};

	channel_on_violation(note_violation);
	m.handle = alice.handle;
	asker_send(&alice, &am_append_schema, &m);
	turns_for(A_WHILE_MS);
	cr_assert_eq(violations, 1);
	cr_assert_eq(count_messages(&bob), 0);
	channel_on_violation(NULL);
}

/* Nobody would take it, and the end waits for what runs. */
Test(mailbox_body_file, none_begins_when_all_ends)
{
	struct error why = {""};
	bool is_done = false;
	struct body_file f = {
	    .octets = buf_slice(&text), .fd = -1, .done = note_done, .owner = &is_done};
	struct account *a = account_open(SLICE("alice@a.test"), &why);

	cr_assert_not_null(a, "%s", why.text);
	body_files_stop();
	body_file_begin(&f, a);
	account_release(a);
	while (!is_done)
		turns_for(1);
	cr_assert_eq(body_file_result(&f), STORE_BROKEN);
	cr_assert_eq(count_files(), 0);
	body_file_fini(&f);
}
