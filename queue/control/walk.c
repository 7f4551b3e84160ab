/*
 * Invariant: rows are never changed while a scan over them is open; a slice first gathers the ids
 * it found, then acts. What was done is told when it is durable.
 */
#include "queue/control/walk.h"

#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/net/loop.h"
#include "queue/queue.h"
#include "queue/recover.h"

enum { ROWS = 200, PAUSE_MS = 10 };

struct found {
	uint64_t message, envelope;
};

struct walk {
	LIST_ENTRY(walk) link;
	struct control *order;
	struct queue_select *which;
	size_t which_count;
	bool is_by_id; /* all of which */
	queue_action *action;
	const char *done;
	bool json;
	struct timer timer; /* the next slice */
	uint64_t after;
	uint64_t acted, held;
	bool failed, is_missing;
	bool is_waiting; /* until what was done is durable */
	struct error error;
	struct found found[ROWS];
	size_t count;
};

static LIST_HEAD(, walk) walks = LIST_HEAD_INITIALIZER(walks);

static struct queue_envelope *
find(uint64_t message, uint64_t envelope)
{
	struct queue_message *m = queue_message_find(message);

	return m == NULL ? NULL : queue_envelope_find(m, envelope);
}

static void
each(void *owner, const struct store_envelope *row, struct slice sender)
{
	struct walk *w = owner;

	if (queue_select_has_any(w->which, w->which_count, row, sender))
		w->found[w->count++] = (struct found){row->message, row->id};
}

static void
act(struct walk *w, struct queue_envelope *e)
{
	if (e == NULL)
		return;
	switch (w->action(e)) {
	case ACTED_FAILED:
		w->failed = true;
		break;
	case ACTED_DONE:
		w->acted++;
		break;
	case ACTED_HELD:
		w->held++;
		break;
	}
}

static void
act_on_found(struct walk *w)
{
	for (size_t i = 0; i < w->count; i++)
		act(w, find(w->found[i].message, w->found[i].envelope));
	w->count = 0;
}

static void
walk_free(struct walk *w)
{
	timer_stop(&w->timer);
	LIST_REMOVE(w, link);
	free(w->which);
	free(w);
}

static void
say_acted(struct walk *w)
{
	struct buf line = {0};
	struct json j;

	if (w->json) {
		json_begin(&j, &line);
		json_count(&j, w->done, w->acted);
		json_end(&j);
		control_text(w->order, buf_slice(&line));
		buf_fini(&line);
		return;
	}
	control_line(w->order, "%llu %s", (unsigned long long)w->acted, w->done);
	if (w->held > 0)
		control_line(w->order, "%llu held, for which smtpctl resume envelope comes first",
		    (unsigned long long)w->held);
}

static void
answer(struct walk *w)
{
	const char *error = w->error.text;

	say_acted(w);
	if (error[0] == '\0' && w->failed)
		error = "the disk did not take all of it";
	else if (error[0] == '\0' && w->is_missing)
		error = w->which_count == 1
			    ? "there is no message or envelope of that id"
			    : "there is no message or envelope of some of these ids";
	control_done(w->order, error[0] == '\0' ? 0 : 1, error);
}

static void
on_durable(void *owner, bool ok)
{
	struct walk *w = owner;

	w->failed |= !ok;
	if (w->order != NULL)
		answer(w);
	walk_free(w);
}

static void
finish(struct walk *w, const char *error)
{
	error_set(&w->error, "%s", error);
	if (w->acted > 0) {
		w->is_waiting = true;
		commit_wait(store_commit(queue.store), on_durable, w);
		return;
	}
	answer(w);
	walk_free(w);
}

static void
next_slice(void *owner)
{
	struct walk *w = owner;
	enum db_result result;

	if (queue_recover_is_busy()) {
		timer_start(&w->timer, SPAN_MS(PAUSE_MS));
		return;
	}
	result = store_scan_with_sender(queue.store, &w->after, INT64_MAX, ROWS, each, w);
	act_on_found(w);
	if (result == DB_ROW)
		timer_start(&w->timer, SPAN_MS(0));
	else
		finish(w, result == DB_DONE ? "" : store_failure(queue.store));
}

static void
act_on_message(struct walk *w, struct queue_message *m)
{
	struct queue_envelope *e, *next;

	for (e = m->envelopes; e != NULL; e = next) {
		next = e->next;
		act(w, e);
	}
}

/* What is named by its id is at hand, and nothing else needs to be looked at. */
static void
act_on_id(struct walk *w, uint64_t id)
{
	struct queue_message *m = queue_message_find(id);
	struct queue_envelope *e;

	if (m != NULL) {
		act_on_message(w, m);
		return;
	}
	e = find(store_message_of(queue.store, id), id);
	act(w, e);
	w->is_missing |= e == NULL;
}

static void
begin(void *owner)
{
	struct walk *w = owner;

	if (!w->is_by_id) {
		next_slice(w);
	} else if (queue_recover_is_busy()) {
		timer_start(&w->timer, SPAN_MS(PAUSE_MS));
	} else {
		for (size_t i = 0; i < w->which_count; i++)
			act_on_id(w, w->which[i].id);
		finish(w, "");
	}
}

void
queue_walk_start(struct control *order, struct queue_select *which, size_t count,
    queue_action *action, const char *done, bool json)
{
	struct walk *w = mem_zero(sizeof(*w));

	w->order = order;
	w->which = which;
	w->which_count = count;
	w->action = action;
	w->done = done;
	w->json = json;
	w->is_by_id = true;
	for (size_t i = 0; i < count; i++)
		w->is_by_id &= which[i].kind == SELECT_ID;
	timer_init(&w->timer, begin, w);
	timer_start(&w->timer, SPAN_MS(0));
	LIST_INSERT_HEAD(&walks, w, link);
}

void
queue_walk_stop(void)
{
	struct walk *w, *next;

	LIST_FOREACH_SAFE (w, &walks, link, next) {
		if (w->order != NULL)
			control_done(w->order, 75, "the queue is stopping");
		w->order = NULL;
		if (!w->is_waiting)
			walk_free(w);
	}
}
