#include "queue/queue.h"

#include "common/base/log.h"
#include "common/net/loop.h"
#include "queue/ids.h"

struct queue queue;

static void
on_give_up(void *owner)
{
	queue.give_up();
}

/* Not in the midst of what failed: at the end of the turn. */
void
queue_give_up(const char *what)
{
	static struct task task;

	if (queue.has_given_up)
		return;
	queue.has_given_up = true;
	log_error("%s: %s; the process starts anew", what,
	    queue.store == NULL ? "" : store_failure(queue.store));
	task_init(&task, on_give_up, NULL);
	task_queue(&task);
}

void
queue_undo(void)
{
	commit_undo(store_commit(queue.store));
	queue_ids_undone();
}
