#include "tests/unit/unit.h"

#include "common/ipc/any_lookup.h"
#include "common/ipc/any_mailbox.h"
#include "common/ipc/neighbour.h"
#include "common/net/loop.h"

#include <sys/socket.h>
#include <unistd.h>

UNIT_SUITE(neighbour);

enum { MAILBOXES = 2 };

/* A process that knows lookup and two mailbox processes; what befalls it is written to story. */
static struct {
	struct channel *lookup, *mailboxes[MAILBOXES];
	struct channel *far; /* the neighbour's end */
	struct channel **heard_at;
	uint32_t closed;
	char story[100];
} t;

static void
tell(const char *what)
{
	size_t len = strlen(t.story);

	snprintf(t.story + len, sizeof(t.story) - len, "%s%s", len > 0 ? " " : "", what);
}

static void
on_fetch(void *owner, struct ipc_message *m)
{
	t.heard_at = owner;
	loop_stop();
}

static void
on_up(struct channel **place)
{
	tell(channel_is_up(*place) ? "up" : "up-without-line");
}

static void
on_down(struct channel **place, struct channel *gone)
{
	tell(*place == NULL ? "down" : "down-in-place");
	if (channel_is_up(gone))
		tell("open");
	loop_stop();
}

static void
on_ended(void *owner, enum channel_end why)
{
	tell("ended");
	loop_stop();
}

static void
on_answer(void *owner, struct ipc_message *m)
{
	tell("answered");
}

static const struct channel_request ask = {
    .answer = on_answer, .ended = on_ended, .deadline = {10000}};

static const struct ipc_handler from_lookup[] = {{&al_fetch_schema, on_fetch}, {NULL, NULL}};
static const struct ipc_schema *const of_mailbox[] = {&am_opened_schema, NULL};

/* clang-format off */
static const struct neighbour table[] = {
	{.role = SANDBOX_LOOKUP, .lines = &t.lookup, .handlers = from_lookup},
	{.role = SANDBOX_MAILBOX, .lines = t.mailboxes, .most = MAILBOXES,
	    .handlers = from_lookup, .answers = of_mailbox, .late = any_mailbox_late,
	    .up = on_up, .down = on_down},
	{0}
};
/* clang-format on */

static void
begin(void)
{
	memset(&t, 0, sizeof(t));
	loop_init();
	neighbours_init(table);
}

static void
end(void)
{
	neighbours_close();
	channel_close(t.far);
	loop_fini();
}

/* Offers a line; gives its other end. */
static int
offer(enum sandbox_role role, int instance, bool is_taken)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	cr_assert_eq(neighbours_take(role, instance, ends[0]), is_taken);
	return ends[1];
}

static bool
is_cut(int fd)
{
	char octet;

	return recv(fd, &octet, 1, 0) == 0;
}

static void
on_am_close(void *owner, struct ipc_message *m)
{
	t.closed = ((const struct am_close *)m->body)->handle;
	loop_stop();
}

static void
on_am_open(void *owner, struct ipc_message *m)
{
	struct am_opened opened = {.handle = 7};

	am_opened_send(m->channel, m->id, &opened, -1);
}

/* Speaks as the neighbour. */
static void
play(int fd)
{
	static const struct ipc_handler handlers[] = {
	    {&am_open_schema, on_am_open}, {&am_close_schema, on_am_close}, {NULL, NULL}};
	struct channel_options o = {.peer = "us", .handlers = handlers};

	t.far = channel_new(fd, &o);
}

static uint32_t
open_account(struct channel *mailbox)
{
	static const char token[TOKEN_OCTETS];
	struct am_open open = {.token = slice_make(token, sizeof(token))};

	return am_open_ask(mailbox, &ask, &open);
}

Test(neighbour, has_a_place_for_each_instance)
{
	enum sandbox_role role;
	int instance, a, b, c;

	begin();
	a = offer(SANDBOX_LOOKUP, 0, true);
	b = offer(SANDBOX_MAILBOX, 0, true);
	c = offer(SANDBOX_MAILBOX, 1, true);
	cr_assert(channel_is_up(t.lookup));
	cr_assert(channel_is_up(t.mailboxes[0]));
	cr_assert(channel_is_up(t.mailboxes[1]));
	cr_assert(neighbours_find(t.mailboxes[1], &role, &instance));
	cr_assert_eq(role, SANDBOX_MAILBOX);
	cr_assert_eq(instance, 1);
	cr_assert(neighbours_find(t.lookup, &role, &instance));
	cr_assert_eq(role, SANDBOX_LOOKUP);
	cr_assert_eq(instance, 0);
	end();
	close(a);
	close(b);
	close(c);
}

Test(neighbour, that_no_row_names_is_refused)
{
	static const struct {
		enum sandbox_role role;
		int instance;
	} cases[] = {{SANDBOX_RELAY, 0}, {SANDBOX_PARENT, 0}, {(enum sandbox_role)31, 0},
	    {SANDBOX_LOOKUP, 1}, {SANDBOX_MAILBOX, MAILBOXES}, {SANDBOX_MAILBOX, -1}};

	begin();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = offer(cases[i].role, cases[i].instance, false);

		cr_assert(is_cut(fd), "case %zu is open still", i);
		close(fd);
	}
	cr_assert_null(t.lookup);
	cr_assert_str_empty(t.story);
	neighbours_init(NULL);
	close(offer(SANDBOX_LOOKUP, 0, false));
	loop_fini();
}

/* What waits on the old line is told after the hook, and the new one comes last. */
Test(neighbour, begun_anew_takes_the_place_of_the_old)
{
	enum sandbox_role role;
	struct channel *old;
	int a, b, c, instance;

	begin();
	a = offer(SANDBOX_MAILBOX, 0, true);
	b = offer(SANDBOX_MAILBOX, 1, true);
	old = t.mailboxes[1];
	cr_assert_neq(open_account(old), 0);
	t.story[0] = '\0';
	c = offer(SANDBOX_MAILBOX, 1, true);
	cr_assert_str_eq(t.story, "down open ended up");
	cr_assert(channel_is_up(t.mailboxes[0]), "the other instance keeps its line");
	cr_assert(neighbours_find(t.mailboxes[1], &role, &instance));
	while (recv(b, &(char[64]){0}, 64, 0) > 0)
		;
	cr_assert(is_cut(b));
	cr_assert(!is_cut(a));
	cr_assert(!is_cut(c));
	end();
	close(a);
	close(b);
	close(c);
}

Test(neighbour, that_goes_leaves_its_place_empty)
{
	int fd;

	begin();
	fd = offer(SANDBOX_MAILBOX, 1, true);
	open_account(t.mailboxes[1]);
	t.story[0] = '\0';
	close(fd);
	loop_run(); /* until the request has ended: that comes first */
	if (t.mailboxes[1] != NULL)
		loop_run();
	cr_assert_str_eq(t.story, "ended down");
	cr_assert_null(t.mailboxes[1]);
	end();
	cr_assert_str_eq(t.story, "ended down", "it goes once");
}

Test(neighbour, is_heard_at_its_place)
{
	struct al_fetch f = {.table = SLICE("t"), .key = SLICE("k")};

	begin();
	play(offer(SANDBOX_MAILBOX, 1, true));
	al_fetch_send(t.far, 1, &f, -1);
	loop_run();
	cr_assert_eq(t.heard_at, &t.mailboxes[1]);
	end();
}

/* An account that nobody waits for any more would stay open. */
Test(neighbour, that_answers_late_is_told_to_close_the_account)
{
	uint32_t id;

	begin();
	play(offer(SANDBOX_MAILBOX, 0, true));
	id = open_account(t.mailboxes[0]);
	cr_assert_neq(id, 0);
	channel_done(t.mailboxes[0], id);
	loop_run();
	cr_assert_eq(t.closed, 7);
	cr_assert_str_eq(t.story, "up");
	end();
}
