#include "deliver/mailbox/verb/job.h"

#include "common/base/limits.h"
#include "common/base/moment.h"
#include "common/ipc/any_mailbox.h"
#include "common/net/loop.h"
#include "deliver/mailbox/verb/reply.h"

enum { SLICE_MS = 4, PARKED_MS = 20 };

/* Those that may go on, in turn; and those whose asker must read first. */
static struct job_list line = TAILQ_HEAD_INITIALIZER(line), parked = TAILQ_HEAD_INITIALIZER(parked);
static struct task turn;
static struct timer look;
static struct moment slice_ends;

static void
wait_in(struct job_list *list, struct job *j)
{
	j->waits_in = list;
	TAILQ_INSERT_TAIL(list, j, turn);
}

static void
wait_for_turn(struct job *j)
{
	wait_in(&line, j);
	task_queue(&turn);
}

static void
on_look(void *owner)
{
	struct job *j;

	while ((j = TAILQ_FIRST(&parked)) != NULL) {
		TAILQ_REMOVE(&parked, j, turn);
		wait_for_turn(j);
	}
}

static void
end(struct job *j)
{
	LIST_REMOVE(j, link);
	j->handle->job_count--;
	j->fini(j);
}

static void
run_slice(struct job *j)
{
	struct error why = {""};

	/* Who does not read what was found already shall not make more of it. */
	if (channel_pending(j->channel) > CHANNEL_HIGH) {
		wait_in(&parked, j);
		if (!timer_is_running(&look))
			timer_start(&look, SPAN_MS(PARKED_MS));
		return;
	}
	if (!account_resume(j->handle->account, &why)) {
		reply_no(j->channel, j->id, AM_TEMPORARY, "the account cannot be opened now");
		end(j);
		return;
	}
	slice_ends = moment_after(moment_now(), SPAN_MS(SLICE_MS));
	j->errors = db_errors(j->handle->account->store.db);
	switch (j->slice(j)) {
	case JOB_MORE:
		j->is_misread = job_has_misread(j);
		wait_for_turn(j);
		return;
	case JOB_POOLED:
		j->is_misread = job_has_misread(j);
		j->is_pooled = true;
		return;
	case JOB_DONE:
		end(j);
		return;
	}
}

/* One slice of one job: the loop polls before the next. */
static void
on_turn(void *owner)
{
	struct job *j = TAILQ_FIRST(&line);

	if (j == NULL)
		return;
	TAILQ_REMOVE(&line, j, turn);
	run_slice(j);
	if (!TAILQ_EMPTY(&line))
		task_queue(&turn);
}

void
job_start(struct job *j, struct handle *h, const struct ipc_message *m)
{
	if (turn.run == NULL) {
		task_init(&turn, on_turn, NULL);
		timer_init(&look, on_look, NULL);
	}
	j->handle = h;
	j->channel = m->channel;
	j->id = m->id;
	LIST_INSERT_HEAD(&h->jobs, j, link);
	/* Askers do one thing at a time; what they gave up waiting for may still be under way. */
	if (++h->job_count <= LIMIT_JOBS) {
		run_slice(j);
		return;
	}
	reply_no(j->channel, j->id, AM_TEMPORARY, "too much is going on now");
	end(j);
}

bool
job_is_over_time(void)
{
	return moment_reached(slice_ends, moment_now());
}

bool
job_has_misread(const struct job *j)
{
	return j->is_misread || db_errors(j->handle->account->store.db) != j->errors;
}

void
job_resume(struct job *j)
{
	j->is_pooled = false;
	if (j->handle == NULL)
		j->fini(j);
	else
		wait_for_turn(j);
}

void
jobs_cancel(struct handle *h)
{
	struct job *j;

	while ((j = LIST_FIRST(&h->jobs)) != NULL) {
		if (!j->is_pooled) {
			TAILQ_REMOVE(j->waits_in, j, turn);
			end(j);
			continue;
		}
		LIST_REMOVE(j, link);
		j->handle = NULL;
	}
}
