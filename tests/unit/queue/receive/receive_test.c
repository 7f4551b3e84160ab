/* What one listener may hold of the queue's. */
#include "tests/unit/queue/queue_test.h"

#include "common/ipc/listener_queue.h"
#include "queue/receive/lent_ids.h"
#include "queue/receive/receive.h"
#include "queue/space.h"
#include "tests/unit/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

UNIT_SUITE(receive);

#define FILE_OCTETS "Subject: x\r\n"

static struct channel *listener;
static uint64_t first_id;
static uint32_t last_spool;
static int spooled, stored, refused, blocks;
static bool is_cut_off;

static void
on_ids(void *owner, struct ipc_message *m)
{
	if (blocks++ == 0)
		first_id = ((const struct lq_ids *)m->body)->first;
}

static void
on_state(void *owner, struct ipc_message *m)
{
}

static void
on_answer(void *owner, struct ipc_message *m)
{
	if (m->schema == &lq_spooled_schema) {
		last_spool = ((const struct lq_spooled *)m->body)->spool;
		spooled++;
		cr_assert_eq(
		    write(m->fd, FILE_OCTETS, sizeof(FILE_OCTETS) - 1), sizeof(FILE_OCTETS) - 1);
		close(m->fd);
	} else if (m->schema == &lq_stored_schema) {
		stored++;
	} else {
		cr_assert_eq(m->schema, &lq_refused_schema);
		refused++;
	}
	channel_done(m->channel, m->id);
}

static void
on_ended(void *owner, enum channel_end why)
{
}

static void
on_down(void *owner)
{
	is_cut_off = true;
}

static uint32_t
request(void)
{
	struct channel_request r = {.answer = on_answer, .ended = on_ended};

	return channel_request(listener, &r);
}

/* The queue's end of the line, when it is not gone already. */
static void
drop_line(void *owner)
{
	struct channel **place = owner, *gone = *place;

	*place = NULL;
	if (gone == NULL)
		return;
	queue_receive_down(place, gone);
	channel_close(gone);
}

static void
on_space(void)
{
}

static void
set_up(void)
{
	static const struct ipc_handler handlers[] = {
	    {&lq_ids_schema, on_ids}, {&lq_state_schema, on_state}, {NULL, NULL}};
	static const struct ipc_schema *const answers[] = {
	    &lq_spooled_schema, &lq_refused_schema, &lq_stored_schema, NULL};
	struct channel_options here = {
	    .peer = "queue", .handlers = handlers, .answers = answers, .down = on_down};
	struct channel_options there = {.peer = "listener",
	    .handlers = queue_receive_handlers,
	    .down = drop_line,
	    .owner = &queue.listeners[0]};
	int pair[2];

	test_open(NULL);
	queue_space_init(test_folder, on_space);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	queue.listeners[0] = channel_new(pair[0], &there);
	queue_receive_up(&queue.listeners[0]);
	listener = channel_new(pair[1], &here);
	turns_for(20);
	cr_assert_eq(blocks, 1);
}

static void
tear_down(void)
{
	channel_close(listener);
	drop_line(&queue.listeners[0]);
	turns_for(20);
	test_close();
}

static void
ask_for_file(void)
{
	struct lq_spool nothing = {0};
	int before = spooled + refused;

	cr_assert(lq_spool_send(listener, request(), &nothing, -1));
	for (int i = 0; i < 1000 && spooled + refused == before; i++)
		turns_for(1);
}

Test(receive, one_listener_has_so_many_files, .init = set_up, .fini = tear_down, .timeout = 120)
{
	struct lq_drop drop;

	for (int i = 0; i < LIMIT_SPOOLS; i++)
		ask_for_file();
	cr_assert_eq(spooled, LIMIT_SPOOLS);
	ask_for_file();
	cr_assert_eq(refused, 1);
	drop.spool = last_spool;
	lq_drop_send(listener, 0, &drop, -1);
	ask_for_file();
	cr_assert_eq(spooled, LIMIT_SPOOLS + 1, "there is room again");
	cr_assert_not(is_cut_off);
}

/* A whole message under that id, in a file unless spool is 0. */
static void
hand_over_file(uint64_t id, uint32_t spool, uint64_t size)
{
	struct lq_begin message = {.message = id};
	struct lq_rcpt rcpt = {
	    .action = SLICE("out"), .address = SLICE("a@b.test"), .original = SLICE("a@b.test")};
	struct lq_body body = {.octets = SLICE("x")};
	struct lq_commit commit = {.size = size, .spool = spool};
	uint32_t id_of_request = request();

	lq_begin_send(listener, id_of_request, &message, -1);
	lq_rcpt_send(listener, id_of_request, &rcpt, -1);
	if (spool == 0)
		lq_body_send(listener, id_of_request, &body, -1);
	lq_commit_send(listener, id_of_request, &commit, -1);
}

static void
hand_over(uint64_t id)
{
	hand_over_file(id, 0, 1);
	turns_for(50);
}

static void
wait_for_answers(int n)
{
	for (int i = 0; i < 1000 && stored + refused < n; i++)
		turns_for(10);
	cr_assert_eq(stored + refused, n);
}

Test(receive, the_oldest_ids_go_when_there_are_too_many, .init = set_up, .fini = tear_down,
    .timeout = 120)
{
	struct lq_more nothing = {0};

	for (int i = 1; i < LIMIT_ID_BLOCKS; i++)
		lq_more_send(listener, 0, &nothing, -1);
	for (int i = 0; i < 1000 && blocks < LIMIT_ID_BLOCKS; i++)
		turns_for(10);
	cr_assert_eq(blocks, LIMIT_ID_BLOCKS);
	lq_more_send(listener, 0, &nothing, -1);
	turns_for(50);
	cr_assert_eq(blocks, LIMIT_ID_BLOCKS + 1);
	hand_over(first_id);
	cr_assert_eq(refused, 1, "nobody knows whether it was used");
	cr_assert_not(is_cut_off, "and it is no crime");
	hand_over(first_id + (LIMIT_ID_BLOCKS + 1) * LENT_IDS);
	cr_assert(is_cut_off, "that was never given");
}

Test(receive, a_message_is_stored_when_it_is_durable, .init = set_up, .fini = tear_down)
{
	hand_over(first_id);
	wait_for_answers(1);
	sync_hold(true);
	hand_over(first_id + 1);
	turns_for(100);
	cr_assert_eq(stored, 1);
	sync_hold(false);
	wait_for_answers(2);
	cr_assert_eq(stored, 2);
	cr_assert_not_null(queue_message_find(first_id + 1));
}

/* Hands over a message to so many. */
static void
hand_over_to(uint64_t id, size_t recipients)
{
	struct lq_begin message = {.message = id};
	struct lq_rcpt rcpt = {
	    .action = SLICE("out"), .address = SLICE("a@b.test"), .original = SLICE("a@b.test")};
	struct lq_body body = {.octets = SLICE("x")};
	struct lq_commit commit = {.size = 1};
	uint32_t id_of_request = request();

	lq_begin_send(listener, id_of_request, &message, -1);
	for (size_t i = 0; i < recipients; i++)
		lq_rcpt_send(listener, id_of_request, &rcpt, -1);
	lq_body_send(listener, id_of_request, &body, -1);
	lq_commit_send(listener, id_of_request, &commit, -1);
}

Test(receive, a_message_has_so_many_recipients, .init = set_up, .fini = tear_down, .timeout = 120)
{
	hand_over_to(first_id, LIMIT_RECIPIENTS);
	wait_for_answers(1);
	cr_assert_eq(stored, 1);
	cr_assert_eq(queue_message_find(first_id)->count, LIMIT_RECIPIENTS);
	hand_over_to(first_id + 1, LIMIT_RECIPIENTS + 1);
	for (int i = 0; i < 1000 && !is_cut_off; i++)
		turns_for(10);
	cr_assert(is_cut_off);
	cr_assert_null(queue_message_find(first_id + 1));
}

static void
on_broken(void *owner)
{
}

Test(receive, what_is_not_durable_is_refused, .init = set_up, .fini = tear_down)
{
	struct error why;

	hand_over(first_id);
	wait_for_answers(1);
	store_close(queue.store);
	queue.store = store_open(test_folder, on_broken, &why);
	cr_assert_not_null(queue.store);
	hand_over(first_id + 1);
	wait_for_answers(2);
	cr_assert_eq(stored, 2);
	sync_fail_at(1);
	hand_over(first_id + 2);
	wait_for_answers(3);
	cr_assert_eq(refused, 1);
	cr_assert_null(queue_message_find(first_id + 2));
}

static int files;

static void
count_file(uint64_t id)
{
	files++;
}

static int
count_files(void)
{
	char command[96];

	files = 0;
	for (unsigned i = 0; i < SPOOL_FOLDERS; i++)
		spool_walk_bodies(i, count_file);
	snprintf(command, sizeof(command), "test -z \"$(ls %s/spool)\"", test_folder);
	return files + (system(command) == 0 ? 0 : 1);
}

/* A file that is not what was announced, or did not reach the disk, and one that did. */
Test(receive, a_file_that_cannot_be_kept_is_refused_and_removed, .init = set_up, .fini = tear_down)
{
	enum { SIZE = sizeof(FILE_OCTETS) - 1 };

	ask_for_file();
	hand_over_file(first_id, last_spool, SIZE + 1);
	wait_for_answers(1);
	ask_for_file();
	sync_fail_at(1);
	hand_over_file(first_id + 1, last_spool, SIZE);
	wait_for_answers(2);
	cr_assert_eq(refused, 2);
	cr_assert_eq(count_files(), 0);
	for (uint64_t id = first_id; id <= first_id + 1; id++) {
		cr_assert_null(queue_message_find(id));
		cr_assert_not(store_has_message(queue.store, id));
	}
	ask_for_file();
	hand_over_file(first_id + 2, last_spool, SIZE);
	wait_for_answers(3);
	cr_assert_eq(stored, 1);
	cr_assert_eq(count_files(), 1);
	cr_assert_not(is_cut_off);
}

/* Its recipient's row is in the way: the message's, which was written already, goes too. */
Test(receive, what_cannot_be_written_whole_is_not_there, .init = set_up, .fini = tear_down)
{
	static const uint32_t far = 1 << 30; /* so that the clock gives no other */
	struct store_envelope other = {.id = queue_ids_take(far) + far,
	    .message = 1,
	    .transport = TRANSPORT_RELAY,
	    .action = SLICE("out"),
	    .address = SLICE("b@y.test"),
	    .original = SLICE("b@y.test")};

	cr_assert(commit_begin(store_commit(queue.store)));
	cr_assert_eq(store_add_envelope(queue.store, &other), DB_DONE);
	hand_over(first_id);
	wait_for_answers(1);
	cr_assert_eq(refused, 1);
	cr_assert_not(store_has_message(queue.store, first_id));
	cr_assert_null(queue_message_find(first_id));
	hand_over(first_id + 1);
	wait_for_answers(2);
	cr_assert_eq(stored, 1);
}

/* What it began and did not hand over was promised to nobody. */
Test(receive, the_files_of_a_listener_go_with_it, .init = set_up, .fini = tear_down)
{
	ask_for_file();
	cr_assert_eq(count_files(), 1);
	drop_line(&queue.listeners[0]);
	cr_assert_eq(count_files(), 0);
}
