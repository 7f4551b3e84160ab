/*
 * Deliveries that wait for company. Nobody but queue waits for them, and queue has the message; so
 * what comes for an account within BATCH_MS shares a commit and a sync, unless nothing more comes
 * at all, or it is much. Whoever changes the account and waits takes its batch along.
 */
#include "deliver/mailbox/batch.h"

#include "common/net/loop.h"

enum { BATCH_MS = 200, LULL_MS = 20, BATCH_OCTETS = 512 * 1024 };

static TAILQ_HEAD(, account) batches = TAILQ_HEAD_INITIALIZER(batches); /* the oldest first */
static struct timer timer;
static bool came; /* a delivery, since the timer was started */

static void
finish(struct account *a)
{
	batch_forget(a);
	commit_hurry(a->store.commit);
}

static void
on_timer(void *owner)
{
	struct account *a;

	while ((a = TAILQ_FIRST(&batches)) != NULL &&
	       (!came || moment_between(a->batch_began, loop_now()).ms >= BATCH_MS))
		finish(a);
	came = false;
	if (a != NULL)
		timer_start(&timer, SPAN_MS(LULL_MS));
}

void
batches_finish(void)
{
	struct account *a;

	while ((a = TAILQ_FIRST(&batches)) != NULL)
		finish(a);
}

void
batch_init(void)
{
	timer_init(&timer, on_timer, NULL);
}

void
batch_add(struct account *a, size_t octets)
{
	came = true;
	if (!a->has_batch) {
		a->has_batch = true;
		a->batch_began = loop_now();
		a->batch_octets = 0;
		TAILQ_INSERT_TAIL(&batches, a, batch);
	}
	a->batch_octets += octets;
	if (a->batch_octets >= BATCH_OCTETS)
		finish(a);
	else if (!timer_is_running(&timer))
		timer_start(&timer, SPAN_MS(LULL_MS));
}

void
batch_forget(struct account *a)
{
	if (!a->has_batch)
		return;
	a->has_batch = false;
	TAILQ_REMOVE(&batches, a, batch);
}
