#include "tests/unit/turns.h"

#include "common/net/loop.h"

enum { ENOUGH = 20 };

struct turns {
	struct timer next;
	struct span each;
	struct moment end;
	int64_t left; /* turns that must be had */
};

/* Between two timers the loop looks at all descriptors. */
static void
on_turn(void *owner)
{
	struct turns *t = owner;

	if (--t->left <= 0 && moment_reached(t->end, loop_now()))
		loop_stop();
	else
		timer_start(&t->next, t->each);
}

void
turns_for(int64_t ms)
{
	struct turns t = {.left = ms < ENOUGH ? ms : ENOUGH};

	t.each = SPAN_MS(ms / t.left);
	t.end = moment_after(loop_now(), SPAN_MS(ms));
	timer_init(&t.next, on_turn, &t);
	timer_start(&t.next, t.each);
	loop_run();
	timer_stop(&t.next);
}
