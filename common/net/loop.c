/*
 * A turn: libuv polls, the watched descriptors call their owners, then the tasks queued so
 * far run, then the log goes out. A task queued by a task runs in the next turn, which then
 * polls without waiting; so no session can keep the others from being read.
 */
#include "common/net/loop.h"

#include "common/base/assert.h"
#include "common/base/log.h"
#include "common/base/mem.h"

#include <unistd.h>
#include <uv.h>

/* LONG_CALLS: of the four threads that the pool has. */
enum { SIGNALS = 8, LOG_AGAIN_MS = 20, FINI_MS = 5000, LONG_CALLS = 2 };

static struct {
	uv_loop_t uv;
	uv_timer_t clock;
	uv_timer_t log_again; /* standard error took no more */
	uv_timer_t patience;
	uv_prepare_t before;
	uv_check_t after;
	uv_idle_t busy;
	struct heap timers;
	TAILQ_HEAD(, task) tasks;
	struct {
		uv_signal_t handle;
		void (*fire)(void *);
		void *owner;
	} signals[SIGNALS];
	int signal_count;
	STAILQ_HEAD(, work_call) waiting; /* long calls, for their turn */
	int long_calls;                   /* that are in the pool */
	bool running;
	bool firing;
	bool is_late;
} loop;

struct io {
	uv_poll_t poll;
	int events;
	bool closed;
	void (*ready)(void *, int);
	void *owner;
};

struct work_call {
	STAILQ_ENTRY(work_call) link;
	uv_work_t request;
	bool is_long;
	void (*run)(void *);
	void (*done)(void *);
	void *arg;
};

static struct timer *
first_timer(void)
{
	struct heap_node *node = heap_first(&loop.timers);

	return node == NULL ? NULL : (struct timer *)((char *)node - offsetof(struct timer, node));
}

static void on_clock(uv_timer_t *handle);

static void
set_clock(void)
{
	struct timer *t = first_timer();
	int64_t wait;

	if (loop.firing)
		return;
	if (t == NULL) {
		uv_timer_stop(&loop.clock);
		return;
	}
	wait = t->node.key - loop_now().ms;
	uv_timer_start(&loop.clock, on_clock, wait < 0 ? 0 : (uint64_t)wait, 0);
}

static void
on_clock(uv_timer_t *handle)
{
	struct timer *t;

	loop.firing = true;
	while ((t = first_timer()) != NULL && t->node.key <= loop_now().ms) {
		heap_remove(&loop.timers, &t->node);
		t->fire(t->owner);
	}
	loop.firing = false;
	set_clock();
}

/* Keeps the next poll from waiting; the work itself happens in run_tasks(). */
static void
on_busy(uv_idle_t *handle)
{
}

static void
on_log_again(uv_timer_t *handle)
{
}

static void
run_tasks(void)
{
	size_t n = 0;
	struct task *t;

	TAILQ_FOREACH (t, &loop.tasks, link)
		n++;
	while (n-- > 0 && (t = TAILQ_FIRST(&loop.tasks)) != NULL) {
		TAILQ_REMOVE(&loop.tasks, t, link);
		t->queued = false;
		t->run(t->owner);
	}
	if (TAILQ_EMPTY(&loop.tasks))
		uv_idle_stop(&loop.busy);
	else
		uv_idle_start(&loop.busy, on_busy);
	if (!log_flush())
		uv_timer_start(&loop.log_again, on_log_again, LOG_AGAIN_MS, 0);
}

static void
on_before(uv_prepare_t *handle)
{
	run_tasks();
}

static void
on_after(uv_check_t *handle)
{
	run_tasks();
}

void
loop_init(void)
{
	ASSERT(uv_loop_init(&loop.uv) == 0);
	uv_timer_init(&loop.uv, &loop.clock);
	uv_timer_init(&loop.uv, &loop.log_again);
	uv_prepare_init(&loop.uv, &loop.before);
	uv_check_init(&loop.uv, &loop.after);
	uv_idle_init(&loop.uv, &loop.busy);
	uv_prepare_start(&loop.before, on_before);
	uv_check_start(&loop.after, on_after);
	heap_init(&loop.timers);
	TAILQ_INIT(&loop.tasks);
	STAILQ_INIT(&loop.waiting);
	log_gather();
}

void
loop_run(void)
{
	loop.running = true;
	while (loop.running)
		uv_run(&loop.uv, UV_RUN_ONCE);
	log_flush();
}

void
loop_stop(void)
{
	loop.running = false;
	uv_stop(&loop.uv);
}

static void
close_handle(uv_handle_t *handle, void *owner)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void
on_patience(uv_timer_t *handle)
{
	loop.is_late = true;
}

/*
 * Whatever its owner has not closed ends here too; then only work in the pool is waited for, and
 * not for ever. Work that never ends would hold up exit(3) as well, which joins the pool.
 */
void
loop_fini(void)
{
	uv_walk(&loop.uv, close_handle, NULL);
	loop.signal_count = 0;
	uv_update_time(&loop.uv);
	uv_timer_init(&loop.uv, &loop.patience);
	uv_timer_start(&loop.patience, on_patience, FINI_MS, 0);
	uv_unref((uv_handle_t *)&loop.patience);
	while (!loop.is_late && uv_loop_alive(&loop.uv))
		uv_run(&loop.uv, UV_RUN_ONCE);
	if (loop.is_late) {
		log_error("work was still unfinished after %d s, and is left so", FINI_MS / 1000);
		log_finish();
		_exit(1);
	}
	uv_close((uv_handle_t *)&loop.patience, NULL);
	uv_run(&loop.uv, UV_RUN_NOWAIT);
	uv_loop_close(&loop.uv);
	heap_fini(&loop.timers);
	log_finish();
}

struct moment
loop_now(void)
{
	return (struct moment){(int64_t)uv_now(&loop.uv)};
}

static void
on_signal(uv_signal_t *handle, int number)
{
	for (int i = 0; i < loop.signal_count; i++) {
		if (&loop.signals[i].handle == handle)
			loop.signals[i].fire(loop.signals[i].owner);
	}
}

void
loop_on_signal(int number, void (*fire)(void *owner), void *owner)
{
	int i = loop.signal_count++;

	ASSERT(i < SIGNALS);
	loop.signals[i].fire = fire;
	loop.signals[i].owner = owner;
	uv_signal_init(&loop.uv, &loop.signals[i].handle);
	uv_signal_start(&loop.signals[i].handle, on_signal, number);
}

void
timer_init(struct timer *t, void (*fire)(void *owner), void *owner)
{
	*t = (struct timer){.fire = fire, .owner = owner};
}

/*
 * The clock is set again only when the earliest deadline changed. What one that fires starts at
 * once has its turn after all others: the clock stands still until then.
 */
void
timer_start(struct timer *t, struct span wait)
{
	struct timer *was = first_timer();
	int64_t ms = loop.firing && wait.ms < 1 ? 1 : wait.ms;

	heap_add(&loop.timers, &t->node, loop_now().ms + ms);
	if (first_timer() == t || was == t)
		set_clock();
}

void
timer_stop(struct timer *t)
{
	bool first = timer_is_running(t) && first_timer() == t;

	heap_remove(&loop.timers, &t->node);
	if (first)
		set_clock();
}

bool
timer_is_running(const struct timer *t)
{
	return heap_has(&t->node);
}

void
task_init(struct task *t, void (*run)(void *owner), void *owner)
{
	*t = (struct task){.run = run, .owner = owner};
}

void
task_queue(struct task *t)
{
	if (t->queued)
		return;
	t->queued = true;
	TAILQ_INSERT_TAIL(&loop.tasks, t, link);
}

void
task_cancel(struct task *t)
{
	if (!t->queued)
		return;
	t->queued = false;
	TAILQ_REMOVE(&loop.tasks, t, link);
}

static void on_poll(uv_poll_t *handle, int status, int events);

static void
watch(struct io *io)
{
	int uv = 0;

	if (io->events & IO_READ)
		uv |= UV_READABLE;
	if (io->events & IO_WRITE)
		uv |= UV_WRITABLE;
	if (uv == 0)
		uv_poll_stop(&io->poll);
	else
		uv_poll_start(&io->poll, uv, on_poll);
}

/*
 * A descriptor in error counts as ready for all that is wanted: the owner's call will see why. Not
 * always the first one, for what the peer sent before comes first; and libuv has stopped watching.
 */
static void
on_poll(uv_poll_t *handle, int status, int events)
{
	struct io *io = handle->data;
	int ready = 0;

	if (status < 0)
		ready = io->events;
	if (events & (UV_READABLE | UV_DISCONNECT))
		ready |= IO_READ;
	if (events & UV_WRITABLE)
		ready |= IO_WRITE;
	ready &= io->events;
	if (ready != 0)
		io->ready(io->owner, ready);
	if (status < 0 && !io->closed)
		watch(io);
}

struct io *
io_new(int fd, void (*ready)(void *owner, int events), void *owner)
{
	struct io *io = mem_zero(sizeof(*io));

	ASSERT(uv_poll_init(&loop.uv, &io->poll, fd) == 0);
	io->poll.data = io;
	io->ready = ready;
	io->owner = owner;
	return io;
}

void
io_want(struct io *io, int events)
{
	if (io->closed || io->events == events)
		return;
	io->events = events;
	watch(io);
}

static void
on_io_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
io_close(struct io *io)
{
	if (io == NULL || io->closed)
		return;
	io->closed = true;
	io->events = 0;
	uv_close((uv_handle_t *)&io->poll, on_io_closed);
}

static void
on_pool(uv_work_t *request)
{
	struct work_call *call = request->data;

	call->run(call->arg);
}

static void on_pool_done(uv_work_t *request, int status);

static void
to_pool(struct work_call *call)
{
	ASSERT(uv_queue_work(&loop.uv, &call->request, on_pool, on_pool_done) == 0);
}

static void
long_to_pool(void)
{
	struct work_call *call;

	while (loop.long_calls < LONG_CALLS && (call = STAILQ_FIRST(&loop.waiting)) != NULL) {
		STAILQ_REMOVE_HEAD(&loop.waiting, link);
		loop.long_calls++;
		to_pool(call);
	}
}

static void
on_pool_done(uv_work_t *request, int status)
{
	struct work_call *call = request->data;

	if (call->is_long) {
		loop.long_calls--;
		long_to_pool();
	}
	call->done(call->arg);
	free(call);
}

static struct work_call *
call_new(void (*run)(void *arg), void (*done)(void *arg), void *arg)
{
	struct work_call *call = mem_zero(sizeof(*call));

	call->run = run;
	call->done = done;
	call->arg = arg;
	call->request.data = call;
	return call;
}

void
work_start(void (*run)(void *arg), void (*done)(void *arg), void *arg)
{
	to_pool(call_new(run, done, arg));
}

void
work_start_long(void (*run)(void *arg), void (*done)(void *arg), void *arg)
{
	struct work_call *call = call_new(run, done, arg);

	call->is_long = true;
	STAILQ_INSERT_TAIL(&loop.waiting, call, link);
	long_to_pool();
}
