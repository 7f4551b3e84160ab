#include "tests/unit/unit.h"

#include "common/ipc/any_lookup.h"
#include "common/ipc/frame.h"
#include "common/ipc/queue_relay.h"
#include "common/net/loop.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

UNIT_SUITE(channel);

enum { MUCH = 2000, ASKED = 2000, PORTION = 8 };

/* Both ends in one process: an asker and an answerer on one loop. */
static struct {
	struct channel *asker, *answerer;
	int raw; /* the answerer's end when a test speaks for itself */
	int answers, ended, downs, got;
	enum channel_end why;
	uint32_t id;
	int fd;
	char text[100000];
	size_t len;
} t;

static const struct ipc_schema *const asker_answers[] = {&al_value_schema, &qr_body_schema, NULL};

static void
on_asker_down(void *owner)
{
	t.downs++;
	channel_close(t.asker);
	t.asker = NULL;
	loop_stop();
}

static void
on_fetch(void *owner, struct ipc_message *m)
{
	struct al_value v = {.found = 1, .value = ((const struct al_fetch *)m->body)->key};

	t.got++;
	al_value_send(m->channel, m->id, &v, -1);
}

static void
on_body(void *owner, struct ipc_message *m)
{
	const struct qr_body *b = m->body;

	t.got++;
	t.fd = m->fd;
	t.len = b->octets.len;
	loop_stop();
}

static void
on_answerer_down(void *owner)
{
	channel_close(t.answerer);
	t.answerer = NULL;
	loop_stop();
}

static const struct ipc_handler answerer_handlers[] = {
    {&al_fetch_schema, on_fetch}, {&qr_body_schema, on_body}, {NULL, NULL}};

static void
on_answer(void *owner, struct ipc_message *m)
{
	const struct al_value *v = m->body;

	t.answers++;
	slice_copy(v->value, t.text, sizeof(t.text));
	channel_done(m->channel, m->id);
	loop_stop();
}

static void
on_ended(void *owner, enum channel_end why)
{
	t.ended++;
	t.why = why;
	loop_stop();
}

static const struct channel_request ask = {
    .answer = on_answer, .ended = on_ended, .deadline = {200}};

static void
open_pair(bool with_answerer)
{
	int ends[2];
	struct channel_options a = {.peer = "answerer",
	    .answers = asker_answers,
	    .down = on_asker_down,
	    .most_requests = 4};
	struct channel_options b = {
	    .peer = "asker", .handlers = answerer_handlers, .down = on_answerer_down};

	memset(&t, 0, sizeof(t));
	loop_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	t.asker = channel_new(ends[0], &a);
	t.raw = ends[1];
	if (with_answerer)
		t.answerer = channel_new(ends[1], &b);
}

static void
close_pair(void)
{
	channel_close(t.asker);
	if (t.answerer != NULL)
		channel_close(t.answerer);
	loop_fini();
}

static uint32_t
fetch(const char *key)
{
	struct al_fetch f = {.table = SLICE("t"), .key = slice_of(key)};

	return al_fetch_ask(t.asker, &ask, &f);
}

Test(channel, a_request_gets_its_answer)
{
	open_pair(true);
	fetch("hello");
	loop_run();
	cr_assert_eq(t.answers, 1);
	cr_assert_str_eq(t.text, "hello");
	close_pair();
}

Test(channel, credit_is_limited)
{
	open_pair(true);
	for (int i = 0; i < 4; i++)
		cr_assert_neq(fetch("x"), 0);
	cr_assert_eq(fetch("x"), 0);
	close_pair();
	cr_assert_eq(t.ended, 4, "closing ends every request, once");
}

/* So many where nothing else was said. */
Test(channel, credit_is_limited_for_all)
{
	const struct channel_request waits = {.answer = on_answer, .ended = on_ended};
	struct channel_options o = {.peer = "answerer"};
	struct channel *c;
	int ends[2];

	memset(&t, 0, sizeof(t));
	loop_init();
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	c = channel_new(ends[0], &o);
	for (int i = 0; i < LIMIT_REQUESTS; i++)
		cr_assert_neq(channel_request(c, &waits), 0);
	cr_assert_eq(channel_request(c, &waits), 0);
	channel_close(c);
	cr_assert_eq(t.ended, LIMIT_REQUESTS);
	close(ends[1]);
	loop_fini();
}

/* Nobody waits for the answer to what was not asked. */
Test(channel, a_question_that_cannot_be_sent_opens_no_request)
{
	open_pair(true);
	for (int i = 0; i < 5; i++)
		cr_assert_eq(fetch("no \xff UTF-8"), 0);
	for (int i = 0; i < 4; i++)
		cr_assert_neq(fetch("x"), 0, "it took no credit");
	close_pair();
	cr_assert_eq(t.ended, 4);
}

Test(channel, a_silent_peer_means_late)
{
	open_pair(false);
	fetch("x");
	loop_run();
	cr_assert_eq(t.ended, 1);
	cr_assert_eq(t.why, CHANNEL_LATE);
	close_pair();
	close(t.raw);
}

Test(channel, a_dead_peer_means_down)
{
	open_pair(false);
	fetch("x");
	close(t.raw);
	loop_run();
	cr_assert_eq(t.ended, 1);
	cr_assert_eq(t.why, CHANNEL_DOWN);
	cr_assert_eq(t.downs, 1);
	close_pair();
}

Test(channel, passes_a_file_and_many_octets)
{
	char name[] = "/tmp/kurir-channel-XXXXXX";
	int fd = mkstemp(name);
	static char big[LIMIT_INLINE];
	struct qr_body b = {.octets = {big, sizeof(big)}};

	open_pair(true);
	unlink(name);
	cr_assert_eq(write(fd, "file", 4), 4);
	cr_assert(qr_body_send(t.asker, 7, &b, fd));
	loop_run();
	cr_assert_eq(t.got, 1);
	cr_assert_eq(t.len, sizeof(big));
	cr_assert_geq(t.fd, 0);
	cr_assert_eq(pread(t.fd, t.text, 10, 0), 4);
	close(t.fd);
	close_pair();
}

/* What is no file may never end, or wait for ever. */
Test(channel, a_socket_does_not_pass_for_a_file)
{
	struct qr_body b = {.octets = SLICE("x")};
	int ends[2];

	open_pair(true);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	cr_assert(qr_body_send(t.asker, 7, &b, ends[0]));
	loop_run();
	cr_assert_eq(t.got, 0);
	cr_assert_null(t.answerer);
	close(ends[1]);
	close_pair();
}

/* Else a neighbour that reads nothing would cost us all memory. */
Test(channel, what_nobody_reads_is_bounded)
{
	enum { MOST = LIMIT_CHANNEL_OUT / LIMIT_INLINE + 10 };
	static char big[LIMIT_INLINE];
	struct qr_body b = {.octets = {big, sizeof(big)}};
	int n = 0;

	open_pair(false);
	while (n < MOST && qr_body_send(t.asker, 7, &b, -1))
		n++;
	cr_assert_geq(n, LIMIT_CHANNEL_OUT / LIMIT_INLINE);
	cr_assert_lt(n, MOST);
	for (n = 0; n < MOST && qr_body_send(t.asker, 0, &b, -1); n++)
		;
	cr_assert_geq(n, LIMIT_CHANNEL_NOTICES / LIMIT_INLINE, "what is of no request still goes");
	cr_assert_lt(n, MOST);
	cr_assert_not(qr_body_send(t.asker, 7, &b, -1));
	close_pair();
	close(t.raw);
}

/* What a captured peer may write, and that each of it cuts the peer off and nothing else. */
Test(channel, nonsense_cuts_the_peer_off)
{
	static const struct {
		const char *octets;
		size_t len;
	} cases[] = {
	    {"\0\0\0\0\0\0\0\0\0\0\0\0", 12},                   /* length 0 */
	    {"\0\0\0\013\0\0\0\0\0\0\0\0", 12},                 /* shorter than a header */
	    {"\377\377\377\377\0\0\0\0\0\0\0\0", 12},           /* 4 GiB */
	    {"\0\2\0\1\0\0\0\0\0\0\0\0", 12},                   /* LIMIT_FRAME, and one more */
	    {"\0\0\0\014\0\0\0\0\0\0\0\0", 12},                 /* type 0 */
	    {"\0\0\0\014\003\007\0\0\0\0\0\0", 12},             /* another edge's type */
	    {"\0\0\0\014\003\011\0\0\0\0\0\0", 12},             /* an answer without fields */
	    {"\0\0\0\022\003\011\0\0\0\0\0\1\1\0\0\0\0\0", 18}, /* an answer nobody asked for */
	    {"\0\0\0\022\003\011\0\1\0\0\0\1\1\0\0\0\0\0", 18}, /* says it has a descriptor */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		open_pair(false);
		cr_assert_eq(write(t.raw, cases[i].octets, cases[i].len), (ssize_t)cases[i].len);
		loop_run();
		cr_assert_eq(t.downs, 1, "case %zu", i);
		close(t.raw);
		close_pair();
	}
}

Test(channel, half_a_frame_waits_for_the_rest)
{
	struct al_value v = {.found = 1, .value = SLICE("slow")};
	struct buf body = {0};
	char header[12] = {0};

	open_pair(false);
	fetch("x");
	ipc_pack(&body, &al_value_schema, &v);
	header[3] = (char)(12 + body.len);
	header[4] = 3;
	header[5] = 9;
	header[11] = 1;
	for (size_t i = 0; i < sizeof(header); i++)
		cr_assert_eq(write(t.raw, header + i, 1), 1);
	cr_assert_eq(write(t.raw, body.data, body.len), (ssize_t)body.len);
	loop_run();
	cr_assert_eq(t.answers, 1);
	cr_assert_str_eq(t.text, "slow");
	buf_fini(&body);
	close(t.raw);
	close_pair();
}

static int
count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* A frame of that body, said to have a descriptor or not. */
static struct slice
frame_of(const struct ipc_schema *schema, const void *message, bool has_fd)
{
	static char room[400];
	struct buf body = {0};
	struct frame f = {.type = schema->type, .has_fd = has_fd, .id = 1};

	cr_assert_null(ipc_pack(&body, schema, message));
	f.length = (uint32_t)(FRAME_HEADER + body.len);
	cr_assert_leq(f.length, sizeof(room));
	frame_put(room, &f);
	memcpy(room + FRAME_HEADER, body.data, body.len);
	buf_fini(&body);
	return slice_make(room, f.length);
}

static int violations;

static void
on_violation(const struct channel *c)
{
	violations++;
}

/* An answerer alone; the test speaks at the other end. */
static void
open_answerer(const struct ipc_handler *handlers)
{
	struct channel_options o = {
	    .peer = "asker", .handlers = handlers, .down = on_answerer_down, .is_answerer = true};
	int ends[2];

	memset(&t, 0, sizeof(t));
	violations = 0;
	loop_init();
	channel_on_violation(on_violation);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	t.raw = ends[0];
	t.answerer = channel_new(ends[1], &o);
}

static void
close_answerer(void)
{
	channel_on_violation(NULL);
	close(t.raw);
	close_pair();
}

/* As a process that fell it does not get to say anything else. */
Test(channel, after_a_violation_nothing_is_heard)
{
	struct al_fetch f = {.table = SLICE("t"), .key = SLICE("k")};
	struct buf octets = {0};

	open_answerer(answerer_handlers);
	buf_add_slice(&octets, frame_of(&al_fetch_schema, &f, false));
	buf_add(&octets, "\0\0\0\014\0\0\0\0\0\0\0\0", FRAME_HEADER);
	buf_add_slice(&octets, frame_of(&al_fetch_schema, &f, false));
	cr_assert_eq(write(t.raw, octets.data, octets.len), (ssize_t)octets.len);
	loop_run();
	cr_assert_eq(t.got, 1);
	cr_assert_null(t.answerer);
	cr_assert_eq(violations, 1, "root hears of it");
	buf_fini(&octets);
	close_answerer();
}

/* Nobody takes it, so it must not stay open. */
Test(channel, a_descriptor_for_nothing_is_closed)
{
	struct al_fetch f = {.table = SLICE("t"), .key = SLICE("k")};
	int before;

	open_answerer(answerer_handlers);
	before = count_descriptors();
	cr_assert_gt(frame_send(t.raw, frame_of(&al_fetch_schema, &f, true), t.raw), 0);
	loop_run();
	cr_assert_eq(violations, 1);
	cr_assert_eq(t.got, 0);
	cr_assert_eq(
	    count_descriptors(), before - 1, "the line is closed, and nothing else is open");
	close_answerer();
}

/* So many with one octet, as a descriptor is the kernel's to count. */
static void
send_descriptors(int count)
{
	static char octet[1];
	union {
		char octets[CMSG_SPACE(sizeof(int) * PORTION)];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec iov = {.iov_base = octet, .iov_len = sizeof(octet)};
	struct msghdr msg = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.octets,
	    .msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fds[PORTION];

	for (int i = 0; i < PORTION; i++)
		fds[i] = t.raw;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
	memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * (size_t)count);
	cr_assert_eq(sendmsg(t.raw, &msg, 0), 1);
}

/* Before a single frame is whole. */
Test(channel, more_descriptors_than_anybody_sends_are_closed)
{
	int before;

	open_answerer(answerer_handlers);
	before = count_descriptors();
	for (int i = 0; i < FRAME_FDS; i += PORTION)
		send_descriptors(PORTION);
	send_descriptors(1);
	loop_run();
	cr_assert_eq(violations, 1);
	cr_assert_eq(count_descriptors(), before - 1);
	close_answerer();
}

/* Who asked is gone; what came for it goes too. */
Test(channel, the_descriptor_of_a_late_answer_is_closed)
{
	struct qr_body b = {.octets = SLICE("x")};
	FILE *f = tmpfile();
	int before;

	open_pair(false);
	fetch("x");
	loop_run();
	cr_assert_eq(t.why, CHANNEL_LATE);
	before = count_descriptors();
	cr_assert_gt(frame_send(t.raw, frame_of(&qr_body_schema, &b, true), fileno(f)), 0);
	fetch("y");
	loop_run();
	cr_assert_eq(t.ended, 2);
	cr_assert_eq(t.downs, 0, "it is no crime to be late");
	cr_assert_eq(count_descriptors(), before);
	fclose(f);
	close(t.raw);
	close_pair();
}

static void
on_fetch_much(void *owner, struct ipc_message *m)
{
	static char much[MUCH];
	struct al_value v = {.found = 1, .value = slice_make(much, sizeof(much))};

	memset(much, 'x', sizeof(much));
	t.got++;
	al_value_send(m->channel, m->id, &v, -1);
}

static void
on_time(void *owner)
{
	loop_stop();
}

/* Who asks and does not read is not answered without end, however much it asked at once. */
Test(channel, answers_that_nobody_reads_are_few)
{
	static const struct ipc_handler handlers[] = {
	    {&al_fetch_schema, on_fetch_much}, {NULL, NULL}};
	struct al_fetch f = {.table = SLICE("t"), .key = SLICE("k")};
	struct timer patience;
	struct buf octets = {0};

	open_answerer(handlers);
	for (int i = 0; i < ASKED; i++)
		buf_add_slice(&octets, frame_of(&al_fetch_schema, &f, false));
	cr_assert_eq(write(t.raw, octets.data, octets.len), (ssize_t)octets.len);
	buf_fini(&octets);
	timer_init(&patience, on_time, NULL);
	timer_start(&patience, SPAN_MS(100));
	loop_run();
	cr_assert_gt(t.got, 0);
	cr_assert_lt(t.got, ASKED / 2);
	cr_assert_not_null(t.answerer);
	close_answerer();
}
