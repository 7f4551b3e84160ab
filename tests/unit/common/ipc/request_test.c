#include "tests/unit/unit.h"

#include "common/ipc/request.h"
#include "common/net/loop.h"

UNIT_SUITE(request);

static struct {
	struct requests requests;
	int answered, down, late;
	uint32_t again; /* opened by the end of another */
} t;

static void
on_answer(void *owner, struct ipc_message *m)
{
	t.answered++;
	requests_done(&t.requests, m->id);
}

static void
on_ended(void *owner, enum channel_end why)
{
	if (why == CHANNEL_DOWN)
		t.down++;
	else
		t.late++;
	loop_stop();
}

static const struct channel_request ask = {.answer = on_answer, .ended = on_ended};
static const struct channel_request hurried = {
    .answer = on_answer, .ended = on_ended, .deadline = {20}};

static void
begin(size_t most)
{
	memset(&t, 0, sizeof(t));
	loop_init();
	requests_init(&t.requests, most);
}

static void
end(void)
{
	requests_fail(&t.requests);
	requests_fini(&t.requests);
	loop_fini();
}

static bool
answer(uint32_t id)
{
	struct ipc_message m = {.id = id, .fd = -1};

	return requests_answer(&t.requests, &m);
}

Test(request, is_answered_by_its_id)
{
	uint32_t a, b;

	begin(10);
	a = requests_open(&t.requests, &ask);
	b = requests_open(&t.requests, &ask);
	cr_assert_neq(a, b);
	cr_assert(answer(b));
	cr_assert(!answer(b), "it is over");
	cr_assert(requests_had(&t.requests, b), "and its answer late, not foreign");
	cr_assert(!requests_had(&t.requests, b + 1));
	cr_assert(!requests_had(&t.requests, 0));
	cr_assert(!answer(b + 1));
	cr_assert(answer(a));
	cr_assert_eq(t.answered, 2);
	end();
	cr_assert_eq(t.down, 0, "nothing was open");
}

Test(request, needs_credit)
{
	uint32_t first;

	begin(2);
	first = requests_open(&t.requests, &ask);
	requests_open(&t.requests, &ask);
	cr_assert_eq(requests_open(&t.requests, &ask), 0);
	requests_done(&t.requests, first);
	cr_assert_neq(requests_open(&t.requests, &ask), 0);
	end();
	cr_assert_eq(t.down, 2);
}

Test(request, ends_at_its_deadline_once)
{
	uint32_t id;

	begin(2);
	id = requests_open(&t.requests, &hurried);
	loop_run();
	cr_assert_eq(t.late, 1);
	cr_assert(!answer(id));
	cr_assert(requests_had(&t.requests, id));
	end();
	cr_assert_eq(t.down, 0);
}

static void
on_ended_ask_again(void *owner, enum channel_end why)
{
	if (t.again == 0)
		t.again = requests_open(&t.requests, &ask);
}

/* Who hears that the peer is gone may ask at once again, and hears it again. */
Test(request, opened_while_all_fail_fails_too)
{
	static const struct channel_request stubborn = {
	    .answer = on_answer, .ended = on_ended_ask_again};

	begin(1);
	requests_open(&t.requests, &stubborn);
	requests_fail(&t.requests);
	cr_assert_neq(t.again, 0);
	cr_assert_eq(t.down, 1);
	cr_assert(!answer(t.again));
	end();
}

/* No id is 0, not even after four thousand million requests, and what waited all the while keeps
 * its own. */
Test(request, ids_begin_anew)
{
	uint32_t patient;

	begin(10);
	patient = requests_open(&t.requests, &ask);
	t.requests.next_id = UINT32_MAX;
	cr_assert_eq(requests_open(&t.requests, &ask), UINT32_MAX);
	cr_assert_eq(requests_open(&t.requests, &ask), patient + 1);
	cr_assert(answer(patient));
	cr_assert(!answer(patient), "there was one of that id");
	cr_assert(answer(UINT32_MAX));
	cr_assert(requests_had(&t.requests, UINT32_MAX), "and its answer late, not foreign");
	end();
	cr_assert_eq(t.down, 1);
}
