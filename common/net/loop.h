/*
 * One event loop for the process, over libuv, which nobody above common/net needs to know:
 * timers on one heap, tasks that run at the end of a turn, watched descriptors, signals and
 * blocking work in the pool. Everything runs on one thread but what work_start() is given.
 */
#ifndef COMMON_NET_LOOP_H
#define COMMON_NET_LOOP_H

#include "common/base/heap.h"
#include "common/base/moment.h"

#include <stdbool.h>
#include <sys/queue.h>

void loop_init(void);
void loop_run(void); /* until loop_stop() */
void loop_stop(void);
void loop_fini(void);         /* closes what the loop itself holds; call after loop_run() */
struct moment loop_now(void); /* as of this turn */

/* Calls fire(owner) on the loop for each signal of that number. */
void loop_on_signal(int number, void (*fire)(void *owner), void *owner);

/* A deadline. Embed it; stop it before its owner goes. */
struct timer {
	struct heap_node node;
	void (*fire)(void *owner);
	void *owner;
};
void timer_init(struct timer *t, void (*fire)(void *owner), void *owner);
void timer_start(struct timer *t, struct span wait); /* again: moves it */
void timer_stop(struct timer *t);
bool timer_is_running(const struct timer *t);

/* Something to do at the end of this turn, once, however often it is queued. */
struct task {
	TAILQ_ENTRY(task) link;
	bool queued;
	void (*run)(void *owner);
	void *owner;
};
void task_init(struct task *t, void (*run)(void *owner), void *owner);
void task_queue(struct task *t);
void task_cancel(struct task *t);

/* A watched descriptor; it stays the caller's, and io_close() does not close it. */
enum { IO_READ = 1, IO_WRITE = 2 };
struct io;
struct io *io_new(int fd, void (*ready)(void *owner, int events), void *owner);
void io_want(struct io *io, int events); /* 0: nothing */
void io_close(struct io *io);            /* at once; no further call of ready */

/*
 * A call that blocks (fdatasync, crypt). run(arg) happens on a thread of the pool and may
 * touch only what arg points at; done(arg) follows on the loop. Memory of arg must last till then.
 */
void work_start(void (*run)(void *arg), void (*done)(void *arg), void *arg);

/* The same for what takes its time and whose askers can wait for each other: of such calls only
 * some are in the pool, so that there is always a thread for the short ones. */
void work_start_long(void (*run)(void *arg), void (*done)(void *arg), void *arg);

#endif
