#include "tests/unit/unit.h"

#include "common/ipc/asker.h"
#include "common/net/loop.h"

#include <sys/socket.h>
#include <unistd.h>

UNIT_SUITE(asker);

static struct channel *place;
static int far_end;

static void
open_line(void)
{
	const struct channel_options o = {.peer = "asker"};
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	place = channel_new(ends[0], &o);
	far_end = ends[1];
}

static void
close_line(void)
{
	channel_close(place);
	place = NULL;
	close(far_end);
}

Test(asker, is_answered_on_its_own_line_alone)
{
	struct ipc_asker asker;

	loop_init();
	open_line();
	asker = ipc_asker_of(&place, &(struct ipc_message){.channel = place, .id = 7});
	cr_assert_eq(asker.id, 7);
	cr_assert_eq(ipc_asker_channel(&asker), place);
	close_line();
	cr_assert_null(ipc_asker_channel(&asker), "the line is gone");
	open_line(); /* the allocator may well give it the same memory */
	cr_assert_null(ipc_asker_channel(&asker), "another run of the process has the place");
	close_line();
	loop_fini();
}
