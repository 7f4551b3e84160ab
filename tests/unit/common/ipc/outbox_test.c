#include "tests/unit/unit.h"

#include "common/ipc/any_lookup.h"
#include "common/ipc/frame.h"
#include "common/ipc/outbox.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

UNIT_SUITE(outbox);

static int ends[2];

static void
begin(struct outbox *o)
{
	outbox_init(o);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
}

static void
end(struct outbox *o)
{
	outbox_fini(o);
	close(ends[0]);
	close(ends[1]);
}

static const char *
add(struct outbox *o, uint32_t id, struct slice key, int fd)
{
	struct al_fetch f = {.table = SLICE("t"), .key = key};

	return outbox_add(o, &al_fetch_schema, id, &f, fd);
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* A file by which it can be told from another. */
static int
file_of(const char *text)
{
	FILE *f = tmpfile();
	int fd = dup(fileno(f));

	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	fclose(f);
	return fd;
}

/* What came at the other end and was not looked at yet. */
static struct frame_fds came_fds;
static struct slice came;

static void
receive(void)
{
	static char room[64 * 1024];
	size_t len = 0;
	bool fits;
	ssize_t n;

	while ((n = frame_receive(ends[1], room + len, sizeof(room) - len, &came_fds, &fits)) > 0)
		len += (size_t)n;
	came = slice_make(room, len);
}

/* Whether the next frame has that id, and that file if one is wanted. */
static bool
next_is(uint32_t id, const char *text)
{
	struct frame f;
	char found[16] = "";
	int fd;

	if (frame_get(came, &f) != FRAME_WHOLE || f.id != id || f.has_fd != (text != NULL))
		return false;
	came = slice_from(came, f.length);
	if (text == NULL)
		return true;
	fd = frame_fds_take(&came_fds);
	cr_assert_geq(pread(fd, found, sizeof(found) - 1, 0), 0);
	close(fd);
	return strcmp(found, text) == 0;
}

Test(outbox, each_descriptor_leaves_with_its_frame)
{
	struct outbox o;

	begin(&o);
	cr_assert_null(add(&o, 1, SLICE("a"), -1));
	cr_assert_null(add(&o, 2, SLICE("b"), file_of("second")));
	cr_assert_null(add(&o, 3, SLICE("c"), -1));
	cr_assert_null(add(&o, 4, SLICE("d"), file_of("fourth")));
	cr_assert_null(add(&o, 5, SLICE("e"), file_of("fifth")));
	cr_assert_eq(outbox_send(&o, ends[0]), OUTBOX_SENT);
	cr_assert_eq(o.octets.len, 0);
	receive();
	cr_assert(next_is(1, NULL));
	cr_assert(next_is(2, "second"));
	cr_assert(next_is(3, NULL));
	cr_assert(next_is(4, "fourth"));
	cr_assert(next_is(5, "fifth"));
	cr_assert_eq(came.len, 0);
	cr_assert_eq(came_fds.count, 0);
	end(&o);
}

Test(outbox, what_is_out_of_range_leaves_nothing_behind)
{
	struct outbox o;
	int fd = file_of("x");

	begin(&o);
	cr_assert_null(add(&o, 1, SLICE("a"), -1));
	cr_assert_str_eq(add(&o, 2, SLICE("no \xff UTF-8"), fd), "key");
	cr_assert(!is_open(fd));
	cr_assert_null(add(&o, 3, SLICE("c"), -1));
	cr_assert_eq(outbox_send(&o, ends[0]), OUTBOX_SENT);
	receive();
	cr_assert(next_is(1, NULL));
	cr_assert(next_is(3, NULL));
	cr_assert_eq(came.len, 0);
	end(&o);
}

/* What follows a secret in the same buffer is wiped with it; what comes when all is sent is not. */
Test(outbox, knows_when_it_holds_a_secret)
{
	struct outbox o;
	struct al_login l = {.user = SLICE("u"), .secret = SLICE("s")};

	begin(&o);
	cr_assert_null(add(&o, 1, SLICE("a"), -1));
	cr_assert_not(o.octets.is_secret);
	cr_assert_null(outbox_add(&o, &al_login_schema, 2, &l, -1));
	cr_assert(o.octets.is_secret);
	cr_assert_null(add(&o, 3, SLICE("c"), -1));
	cr_assert(o.octets.is_secret);
	cr_assert_eq(outbox_send(&o, ends[0]), OUTBOX_SENT);
	cr_assert_not(o.octets.is_secret);
	end(&o);
}

/* The rest stays, with what leaves with it, until the peer has read. */
Test(outbox, waits_for_a_slow_peer)
{
	static char much[1000], room[256 * 1024];
	struct outbox o;
	struct frame_fds fds = {.count = 0};
	size_t added = 0, got = 0;
	enum outbox_result result;
	bool fits;

	begin(&o);
	memset(much, 'x', sizeof(much));
	for (uint32_t id = 1; id <= 100; id++)
		cr_assert_null(add(&o, id, slice_make(much, sizeof(much)), -1));
	while (outbox_send(&o, ends[0]) == OUTBOX_SENT) {
		added++;
		cr_assert_lt(added, 10000, "the socket takes all");
		for (uint32_t id = 1; id <= 100; id++)
			cr_assert_null(add(&o, id, slice_make(much, sizeof(much)), -1));
	}
	cr_assert_null(add(&o, 101, SLICE("z"), file_of("last")));
	cr_assert_gt(o.octets.len, 0);
	do {
		ssize_t n;

		while ((n = frame_receive(ends[1], room, sizeof(room), &fds, &fits)) > 0)
			got += (size_t)n;
		result = outbox_send(&o, ends[0]);
		cr_assert_neq(result, OUTBOX_BROKEN);
	} while (result == OUTBOX_BLOCKED);
	got += (size_t)frame_receive(ends[1], room, sizeof(room), &fds, &fits);
	cr_assert_eq(got, o.sent);
	cr_assert_eq(fds.count, 1);
	frame_fds_close(&fds);
	end(&o);
}

Test(outbox, knows_when_nobody_is_there)
{
	struct outbox o;
	int fd = file_of("x");

	signal(SIGPIPE, SIG_IGN);
	begin(&o);
	cr_assert_null(add(&o, 1, SLICE("a"), fd));
	close(ends[1]);
	cr_assert_eq(outbox_send(&o, ends[0]), OUTBOX_BROKEN);
	cr_assert(is_open(fd), "it has not left");
	outbox_fini(&o);
	cr_assert(!is_open(fd));
	close(ends[0]);
}
