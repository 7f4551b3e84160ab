#include "queue/control/control.h"

#include "common/base/id.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/ipc/schema.h"
#include "queue/control/show.h"
#include "queue/control/walk.h"
#include "queue/hold.h"
#include "queue/queue.h"
#include "queue/receive/receive.h"
#include "queue/schedule/schedule.h"

enum { WORDS = 64 };

/* What can be paused as a whole; the bits are what the store keeps. */
enum { PAUSED_SMTP = 1, PAUSED_MTA = 2, PAUSED_MDA = 4 };

static const struct {
	const char *word;
	unsigned bit;
} parts[] = {
    {"smtp", PAUSED_SMTP},
    {"mta", PAUSED_MTA},
    {"mda", PAUSED_MDA},
};

static unsigned paused;

struct order {
	struct control *control;
	bool json;
	struct slice words[WORDS]; /* verb and arguments */
	size_t count;
};

static void
apply_pauses(void)
{
	queue.is_smtp_paused = (paused & PAUSED_SMTP) != 0;
	queue_schedule_pause(TRANSPORT_RELAY, (paused & PAUSED_MTA) != 0);
	queue_schedule_pause(TRANSPORT_MAILBOX, (paused & PAUSED_MDA) != 0);
	queue_schedule_pause(TRANSPORT_AGENT, (paused & PAUSED_MDA) != 0);
	queue_receive_tell();
}

void
queue_control_init(void)
{
	paused = (unsigned)store_setting(queue.store, "paused");
	apply_pauses();
}

void
queue_control_fini(void)
{
	queue_walk_stop();
}

static void
set_paused(struct order *o, unsigned bit, bool wanted)
{
	paused = wanted ? paused | bit : paused & ~bit;
	if (!commit_begin(store_commit(queue.store)) ||
	    store_set(queue.store, "paused", paused) != DB_DONE)
		log_error(
		    "cannot keep what is paused over a restart: %s", store_failure(queue.store));
	commit_soon(store_commit(queue.store));
	apply_pauses();
	log_event(NULL, EV_paused, WORD("smtp", paused & PAUSED_SMTP ? "yes" : "no"),
	    WORD("mta", paused & PAUSED_MTA ? "yes" : "no"),
	    WORD("mda", paused & PAUSED_MDA ? "yes" : "no"));
	control_done(o->control, 0, "");
}

/* "pause envelope ID" and "remove message ID" say no more than without the second word. */
static size_t
first_argument(const struct order *o)
{
	if (o->count > 1 &&
	    (slice_equal_text(o->words[1], "envelope") || slice_equal_text(o->words[1], "message")))
		return 2;
	return 1;
}

/* The words from at on, as selections; NULL when one is wrong, and the order is answered then. */
static struct queue_select *
take_selections(struct order *o, size_t at, size_t *count)
{
	struct queue_select *which = mem_array(WORDS, sizeof(*which));
	struct error why = {""};

	*count = 0;
	while (at < o->count) {
		if (queue_select_take(&which[(*count)++], o->words, o->count, &at, &why))
			continue;
		control_done(o->control, 2, why.text);
		free(which);
		return NULL;
	}
	return which;
}

static void
walk(struct order *o, queue_action *action, const char *done)
{
	struct queue_select *which;
	size_t count, at = first_argument(o);

	if (at >= o->count) {
		control_done(o->control, 2,
		    "say which: all, ids, from ADDRESS, to ADDRESS or domain DOMAIN");
		return;
	}
	which = take_selections(o, at, &count);
	if (which != NULL)
		queue_walk_start(o->control, which, count, action, done, o->json);
}

static unsigned
part_named(const struct order *o)
{
	for (size_t i = 0; o->count == 2 && i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (slice_equal_text(o->words[1], parts[i].word))
			return parts[i].bit;
	}
	return 0;
}

static void
order_pause(struct order *o)
{
	unsigned bit = part_named(o);

	if (bit != 0)
		set_paused(o, bit, true);
	else
		walk(o, queue_envelope_hold, "held");
}

static void
order_resume(struct order *o)
{
	unsigned bit = part_named(o);

	if (bit != 0)
		set_paused(o, bit, false);
	else
		walk(o, queue_envelope_resume, "resumed");
}

static void
order_schedule(struct order *o)
{
	walk(o, queue_envelope_hurry, "scheduled");
}

static void
order_remove(struct order *o)
{
	walk(o, queue_envelope_remove, "removed");
}

static void
show_queue(struct order *o)
{
	size_t count;
	struct queue_select *which;

	if (o->count == 2)
		o->words[o->count++] = SLICE("all");
	which = take_selections(o, 2, &count);
	if (which == NULL)
		return;
	queue_show_queue(o->control, which, count, o->json);
	free(which);
}

static bool
take_id(struct order *o, uint64_t *id)
{
	if (o->count == 3 && id_parse(o->words[2], id))
		return true;
	control_done(o->control, 2,
	    "say which: an id of 13 letters and digits, as \"show queue\" prints it");
	return false;
}

static void
show_message(struct order *o)
{
	uint64_t id, message;

	if (!take_id(o, &id))
		return;
	message = store_message_of(queue.store, id);
	if (!queue_show_message(o->control, message != 0 ? message : id))
		control_done(o->control, 1, "there is no message or envelope of that id");
}

static void
show_envelope(struct order *o)
{
	uint64_t id;

	if (!take_id(o, &id))
		return;
	if (queue_show_envelope(o->control, id, o->json))
		control_done(o->control, 0, "");
	else if (store_message_of(queue.store, id) != 0)
		control_done(o->control, 1,
		    "the envelope's row is damaged; \"show queue\" with its id has what is left");
	else if (queue_message_find(id) != NULL)
		control_done(o->control, 1,
		    "that id is a message's; \"show queue\" with it lists its envelopes");
	else
		control_done(o->control, 1, "there is no envelope of that id");
}

static void
order_show(struct order *o)
{
	struct slice what = o->count > 1 ? o->words[1] : SLICE("");

	if (slice_equal_text(what, "queue")) {
		show_queue(o);
	} else if (slice_equal_text(what, "message")) {
		show_message(o);
	} else if (slice_equal_text(what, "envelope")) {
		show_envelope(o);
	} else if (slice_equal_text(what, "status")) {
		queue_show_status(o->control, o->json);
		control_done(o->control, 0, "");
	} else {
		control_done(
		    o->control, 2, "the queue shows: queue, message ID, envelope ID, status");
	}
}

static const struct {
	const char *verb;
	void (*run)(struct order *o);
} orders[] = {
    {"show", order_show},
    {"pause", order_pause},
    {"resume", order_resume},
    {"schedule", order_schedule},
    {"remove", order_remove},
};

void
queue_control(struct control *control, struct slice verb, struct slice arguments, bool json)
{
	struct order o = {.control = control, .json = json};
	struct slice word;

	while (o.count < WORDS && slice_word(&verb, &word))
		o.words[o.count++] = word;
	while (o.count < WORDS && ipc_list_next(&arguments, &word))
		o.words[o.count++] = word;
	if (o.count == WORDS) {
		control_done(control, 2, "too many words at once");
		return;
	}
	for (size_t i = 0; o.count > 0 && i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (slice_equal_text(o.words[0], orders[i].verb)) {
			orders[i].run(&o);
			return;
		}
	}
	control_done(control, 2, "the queue does not know this order");
}
