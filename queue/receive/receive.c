/*
 * Invariants:
 * 1. lq_stored leaves only from on_stored(ok): after the sync that covers message and envelopes.
 * 2. An id is taken once, and only by the listener it was given to.
 * 3. At most one hand-over of a line is open, the one begun last; it moves to storing when it is
 *    complete. So what a captured listener can make us hold is bounded.
 */
#include "queue/receive/receive.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/loop.h"
#include "queue/ids.h"
#include "queue/receive/handover.h"
#include "queue/receive/lent_ids.h"
#include "queue/space.h"
#include "queue/store/spool.h"

#include <stdio.h>
#include <string.h>

#define NO_ROOM "4.3.1 there is no room for mail now, try again later"

struct receive_line {
	struct channel *channel;
	struct lent_ids ids;
	struct handover *open;
	LIST_HEAD(, handover) storing;
	struct hash spools; /* numbers of files that it writes; the value is this line */
};

static struct receive_line *lines[LIMIT_INSTANCES]; /* what goes with queue.listeners */
static size_t storing; /* hand-overs on their way to the disk, of all lines */
static uint64_t stored_count;
static uint32_t last_spool;

/* The place of a line is that of its listener in the table of our neighbours. */
static struct receive_line **
line_at(struct channel **place)
{
	return &lines[place - queue.listeners];
}

static void
give_ids(struct receive_line *l)
{
	struct lq_ids ids = {.first = queue_ids_take(LENT_IDS), .count = LENT_IDS};

	queue_lent_ids_add(&l->ids, ids.first);
	lq_ids_send(l->channel, 0, &ids, -1);
}

static void
on_more(void *owner, struct ipc_message *m)
{
	give_ids(*line_at(owner));
}

/* What a client hears instead of 250; a code of 0: mail is taken. */
static struct lq_state
state_of_reception(void)
{
	if (queue.is_smtp_paused)
		return (struct lq_state){451, SLICE("4.3.2 no mail is taken now, try again later")};
	if (queue_space() != SPACE_ENOUGH)
		return (struct lq_state){452, SLICE(NO_ROOM)};
	return (struct lq_state){0};
}

static void
tell_state(struct receive_line *l)
{
	struct lq_state state = state_of_reception();

	lq_state_send(l->channel, 0, &state, -1);
}

static void
refuse(struct receive_line *l, uint32_t request, uint16_t code, const char *text)
{
	struct lq_refused refused = {.code = code, .text = slice_of(text)};

	if (l != NULL)
		lq_refused_send(l->channel, request, &refused, -1);
}

/* False: mail is taken. */
static bool
refuse_for_state(struct receive_line *l, uint32_t request)
{
	struct lq_state state = state_of_reception();
	struct lq_refused refused = {.code = state.code, .text = state.text};

	if (state.code != 0)
		lq_refused_send(l->channel, request, &refused, -1);
	return state.code != 0;
}

static void
end_handover(struct handover *h)
{
	if (h->line != NULL)
		LIST_REMOVE(h, link);
	storing--;
	queue_handover_free(h);
}

/* The file of a hand-over that was refused: in the spool still, or a body already. */
static void
remove_file(const struct handover *h)
{
	if (h->is_kept)
		spool_remove_body(h->message);
	else if (h->spool != 0)
		spool_remove(h->spool);
}

static void
on_stored(void *owner, bool ok)
{
	struct handover *h = owner;
	struct lq_stored nothing = {0};

	if (ok) {
		if (h->line != NULL)
			lq_stored_send(h->line->channel, h->request, &nothing, -1);
		stored_count++;
		queue_handover_begin(h);
	} else {
		refuse(h->line, h->request, 451,
		    "4.3.0 the message could not be stored, try again later");
		queue_handover_forget(h);
	}
	end_handover(h);
}

static void
refuse_unstored(struct handover *h, enum db_result why)
{
	queue_handover_forget(h);
	remove_file(h);
	if (why == DB_FULL) {
		queue_space_look();
		refuse(h->line, h->request, 452,
		    "4.3.1 there is no room for this message, try again later");
	} else {
		log_error("cannot store a message: %s", store_failure(queue.store));
		refuse(h->line, h->request, 451,
		    "4.3.0 the message could not be stored, try again later");
	}
	end_handover(h);
}

static void
store(struct handover *h)
{
	struct commit *c = store_commit(queue.store);
	enum db_result result = DB_ERROR;

	if (commit_save(c)) {
		result = queue_handover_store(h);
		if (result == DB_DONE) {
			commit_keep(c);
			commit_wait(c, on_stored, h);
			return;
		}
		queue_undo();
	}
	refuse_unstored(h, result);
}

static void
run_keep(void *arg)
{
	struct handover *h = arg;

	h->is_kept = spool_keep(h->spool, h->message, h->size);
}

static void
on_file_kept(void *arg)
{
	struct handover *h = arg;

	if (h->is_kept)
		store(h);
	else
		refuse_unstored(h, DB_FULL);
}

static void
on_begin(void *owner, struct ipc_message *m)
{
	struct receive_line *l = *line_at(owner);
	const struct lq_begin *begin = m->body;
	enum lent_use use = queue_lent_ids_use(&l->ids, begin->message);

	if (use == LENT_WRONG) {
		channel_violation(m->channel, "message");
		return;
	}
	queue_handover_free(l->open);
	l->open = queue_handover_new(l, m->id, begin);
	l->open->is_stale = use == LENT_STALE;
}

/* The hand-over that the message belongs to, or a violation. */
static struct handover *
find_open(struct receive_line *l, struct ipc_message *m)
{
	if (l->open != NULL && l->open->request == m->id)
		return l->open;
	channel_violation(m->channel, "request id");
	return NULL;
}

static void
on_rcpt(void *owner, struct ipc_message *m)
{
	struct handover *h = find_open(*line_at(owner), m);

	if (h != NULL && !queue_handover_add(h, m->body))
		channel_violation(m->channel, "recipients");
}

static void
on_body(void *owner, struct ipc_message *m)
{
	struct handover *h = find_open(*line_at(owner), m);

	if (h == NULL)
		return;
	if (h->has_body)
		channel_violation(m->channel, "body");
	else
		queue_handover_set_body(h, ((const struct lq_body *)m->body)->octets);
}

/* Whether the hand-over is whole and what was announced; takes its file off the line's. */
static bool
is_whole(struct receive_line *l, struct handover *h, const struct lq_commit *commit)
{
	if (h->count == 0 || h->has_body != (commit->spool == 0))
		return false;
	if (commit->spool == 0)
		return h->body.len == commit->size;
	return hash_remove(&l->spools, HASH_NUMBER(commit->spool)) != NULL;
}

static void
on_commit(void *owner, struct ipc_message *m)
{
	struct receive_line *l = *line_at(owner);
	struct handover *h = find_open(l, m);
	const struct lq_commit *commit = m->body;

	if (h == NULL)
		return;
	if (!is_whole(l, h, commit)) {
		channel_violation(m->channel, "commit");
		return;
	}
	l->open = NULL;
	h->spool = commit->spool;
	h->size = commit->size;
	LIST_INSERT_HEAD(&l->storing, h, link);
	storing++;
	if (h->is_stale || queue_space() != SPACE_ENOUGH) {
		remove_file(h);
		if (h->is_stale)
			refuse(
			    l, m->id, 451, "4.3.0 the queue was started anew meanwhile, try again");
		else
			refuse(l, m->id, 452, NO_ROOM);
		end_handover(h);
	} else if (h->spool != 0) {
		work_start(run_keep, on_file_kept, h);
	} else {
		store(h);
	}
}

static void
on_spool(void *owner, struct ipc_message *m)
{
	struct receive_line *l = *line_at(owner);
	struct lq_spooled spooled;
	int fd;

	if (refuse_for_state(l, m->id))
		return;
	if (l->spools.count >= LIMIT_SPOOLS) {
		refuse(l, m->id, 452, "4.3.1 too many large messages come in now, try again later");
		return;
	}
	spooled.spool = ++last_spool == 0 ? ++last_spool : last_spool;
	fd = spool_create(spooled.spool);
	if (fd < 0) {
		queue_space_look();
		refuse(l, m->id, 452, "4.3.1 there is no room for this message, try again later");
		return;
	}
	hash_add(&l->spools, HASH_NUMBER(spooled.spool), l);
	lq_spooled_send(l->channel, m->id, &spooled, fd);
}

static void
on_drop(void *owner, struct ipc_message *m)
{
	struct receive_line *l = *line_at(owner);
	uint32_t spool = ((const struct lq_drop *)m->body)->spool;

	if (hash_remove(&l->spools, HASH_NUMBER(spool)) == NULL)
		channel_violation(m->channel, "spool");
	else
		spool_remove(spool);
}

static void
remove_spools(struct receive_line *l)
{
	struct hash_walk walk = {0};
	struct slice key;
	void *value;
	uint32_t number;

	while (hash_next(&l->spools, &walk, &key, &value)) {
		memcpy(&number, key.data, sizeof(number));
		spool_remove(number);
	}
	hash_fini(&l->spools);
}

/* What it handed over whole is stored all the same: its client may be told so by nobody, and then
 * sends it again, which is better than the other way round. */
void
queue_receive_down(struct channel **place, struct channel *gone)
{
	struct receive_line *l = *line_at(place);
	struct handover *h;

	*line_at(place) = NULL;
	while ((h = LIST_FIRST(&l->storing)) != NULL) {
		LIST_REMOVE(h, link);
		h->line = NULL;
	}
	queue_lent_ids_fini(&l->ids);
	queue_handover_free(l->open);
	remove_spools(l);
	free(l);
}

void
queue_receive_up(struct channel **place)
{
	struct receive_line *l = mem_zero(sizeof(*l));

	l->channel = *place;
	queue_lent_ids_init(&l->ids);
	hash_init(&l->spools);
	*line_at(place) = l;
	tell_state(l);
	give_ids(l);
}

const struct ipc_handler queue_receive_handlers[] = {{&lq_begin_schema, on_begin},
    {&lq_rcpt_schema, on_rcpt}, {&lq_body_schema, on_body}, {&lq_commit_schema, on_commit},
    {&lq_spool_schema, on_spool}, {&lq_drop_schema, on_drop}, {&lq_more_schema, on_more},
    {NULL, NULL}};

void
queue_receive_tell(void)
{
	for (size_t i = 0; i < LIMIT_INSTANCES; i++) {
		if (lines[i] != NULL)
			tell_state(lines[i]);
	}
}

bool
queue_receive_is_busy(void)
{
	return storing > 0;
}

uint64_t
queue_receive_count(void)
{
	return stored_count;
}
