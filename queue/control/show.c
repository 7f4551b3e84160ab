#include "queue/control/show.h"

#include "common/base/id.h"
#include "common/base/json.h"
#include "common/base/utf8.h"
#include "queue/queue.h"
#include "queue/receive/receive.h"
#include "queue/recover.h"
#include "queue/schedule/schedule.h"
#include "queue/space.h"

/* Text of others on a terminal: no controls, valid UTF-8. */
static void
add_plain(struct buf *out, struct slice s)
{
	while (s.len > 0) {
		size_t taken;
		bool wrong;
		uint32_t code = utf8_next(s, &taken, &wrong);

		if (wrong || code < ' ' || (code >= 127 && code < 160))
			buf_add_char(out, '?');
		else
			buf_add_slice(out, slice_sub(s, 0, taken));
		s = slice_from(s, taken);
	}
}

static const char *
state_of(const struct store_envelope *row, const struct queue_envelope *e)
{
	if (e == NULL)
		return row->hold != HOLD_NONE ? "held" : "waiting";
	if (e->state == ENVELOPE_HELD)
		return e->hold == HOLD_DAMAGE ? "damaged" : "held";
	if (e->state == ENVELOPE_WAITING || e->state == ENVELOPE_READY) {
		if (!e->destination->has_action)
			return "no action";
		if (queue_schedule_is_paused(e->destination->transport))
			return "paused";
	}
	if (e->state == ENVELOPE_READY && e->destination->is_down)
		return "down";
	return envelope_state_name((enum envelope_state)e->state);
}

static int64_t
age_of(const struct store_envelope *row, const struct queue_envelope *e)
{
	return e == NULL ? expire_age_after_gap(row->age, row->written, civil_now())
			 : queue_envelope_age(e);
}

/* 90 s as "1m30s": the two largest units. */
static void
add_span(struct buf *out, int64_t seconds)
{
	if (seconds < 0)
		seconds = 0;
	if (seconds >= 86400)
		buf_printf(out, "%lldd%lldh", (long long)(seconds / 86400),
		    (long long)(seconds % 86400 / 3600));
	else if (seconds >= 3600)
		buf_printf(out, "%lldh%lldm", (long long)(seconds / 3600),
		    (long long)(seconds % 3600 / 60));
	else if (seconds >= 60)
		buf_printf(out, "%lldm%llds", (long long)(seconds / 60), (long long)(seconds % 60));
	else
		buf_printf(out, "%llds", (long long)seconds);
}

static void
show_json(struct buf *out, const struct store_envelope *row, struct slice sender,
    const struct queue_envelope *e)
{
	char message[ID_TEXT], envelope[ID_TEXT];
	int64_t next = e == NULL ? row->next_try : queue_schedule_next_try(e);
	struct json j;

	json_begin(&j, out);
	json_string(&j, "message", slice_of(id_format(row->message, message)));
	json_string(&j, "envelope", slice_of(id_format(row->id, envelope)));
	json_string(&j, "sender", sender);
	json_string(&j, "recipient", row->address);
	json_string(&j, "original", row->original);
	json_string(&j, "state", slice_of(state_of(row, e)));
	json_string(&j, "transport", slice_of(queue_transport_name(row->transport)));
	json_string(&j, "action", row->action);
	json_count(&j, "tries", row->tries);
	json_number(&j, "age", age_of(row, e));
	json_number(&j, "next", next);
	json_string(&j, "status", row->status);
	json_string(&j, "error", row->reply);
	json_string(&j, "mta", row->mta);
	json_end(&j);
}

static void
show_plain(struct buf *out, const struct store_envelope *row, struct slice sender,
    const struct queue_envelope *e)
{
	char message[ID_TEXT], envelope[ID_TEXT];
	int64_t next = e == NULL ? 0 : queue_schedule_next_try(e);

	buf_printf(out, "%s %s %-8s <", id_format(row->message, message),
	    id_format(row->id, envelope), state_of(row, e));
	add_plain(out, sender);
	buf_add_text(out, "> <");
	add_plain(out, row->address);
	buf_printf(out, "> age ");
	add_span(out, age_of(row, e));
	buf_printf(out, ", tries %u", row->tries);
	if (next != 0) {
		buf_add_text(out, ", next in ");
		add_span(out, next - civil_now());
	}
	if (row->reply.len > 0) {
		buf_add_text(out, ": ");
		add_plain(out, row->reply);
	}
}

void
queue_show_line(struct buf *out, const struct store_envelope *row, struct slice sender,
    const struct queue_envelope *e, bool json)
{
	struct store_envelope r = *row;

	store_cut_envelope(&r);
	sender = slice_sub(sender, 0, LIMIT_PATH);
	if (json)
		show_json(out, &r, sender, e);
	else
		show_plain(out, &r, sender, e);
}

static void
add_field(struct control *order, const char *name, struct slice value)
{
	struct buf line = {0};

	if (value.len == 0)
		return;
	buf_printf(&line, "%s: ", name);
	add_plain(&line, value);
	control_text(order, buf_slice(&line));
	buf_fini(&line);
}

static void
show_fields(struct control *order, const struct store_envelope *row, const struct store_message *m,
    const struct queue_envelope *e)
{
	char message[ID_TEXT], envelope[ID_TEXT];
	struct buf age = {0};

	add_span(&age, age_of(row, e));
	add_field(order, "message", slice_of(id_format(row->message, message)));
	add_field(order, "envelope", slice_of(id_format(row->id, envelope)));
	add_field(order, "state", slice_of(state_of(row, e)));
	add_field(order, "transport", slice_of(queue_transport_name(row->transport)));
	add_field(order, "action", row->action);
	add_field(order, "sender", m->sender.len == 0 ? SLICE("<>") : m->sender);
	add_field(order, "recipient", row->address);
	add_field(order, "original recipient", row->original);
	add_field(order, "user", row->user);
	add_field(order, "target", row->target);
	add_field(order, "submitted by", m->user);
	add_field(order, "client", m->client);
	add_field(order, "helo", m->helo);
	add_field(order, "envelope id of the sender", m->envid);
	add_field(order, "original recipient of the sender", row->orcpt);
	add_field(order, "age", buf_slice(&age));
	control_line(order, "octets: %llu", (unsigned long long)m->size);
	control_line(order, "tries: %u", row->tries);
	add_field(order, "last status", row->status);
	add_field(order, "last reply", row->reply);
	add_field(order, "said by", row->mta);
	buf_fini(&age);
}

bool
queue_show_envelope(struct control *order, uint64_t id, bool json)
{
	struct store_envelope row;
	struct store_message m = {0};
	struct queue_message *in_memory;
	struct queue_envelope *e;
	struct buf line = {0};

	if (store_find_envelope(queue.store, id, &row) != DB_ROW)
		return false;
	if (store_find_message(queue.store, row.message, &m) != DB_ROW)
		m = (struct store_message){0};
	in_memory = queue_message_find(row.message);
	e = in_memory == NULL ? NULL : queue_envelope_find(in_memory, id);
	if (json) {
		queue_show_line(&line, &row, m.sender, e, true);
		control_text(order, buf_slice(&line));
		buf_fini(&line);
	} else {
		show_fields(order, &row, &m, e);
	}
	store_done(queue.store);
	return true;
}

static void
count_states(size_t counts[ENVELOPE_STATE_COUNT], size_t *down)
{
	struct hash_walk walk = {0};
	struct queue_destination *d;

	while (queue_destination_next(&walk, &d)) {
		for (int i = 0; i < ENVELOPE_STATE_COUNT; i++)
			counts[i] += d->counts[i];
		*down += d->is_down;
	}
}

static void
show_status_json(struct control *order, const size_t n[ENVELOPE_STATE_COUNT], size_t down)
{
	struct buf out = {0};
	struct json j;

	json_begin(&j, &out);
	json_string(&j, "process", SLICE("queue"));
	json_count(&j, "messages", queue_message_count());
	for (int i = 0; i < ENVELOPE_DONE; i++)
		json_count(&j, envelope_state_name((enum envelope_state)i), n[i]);
	json_count(&j, "destinations", queue_destination_count());
	json_count(&j, "down", down);
	json_count(&j, "accepted", queue_receive_count());
	json_flag(&j, "loading", queue_recover_is_busy());
	json_flag(&j, "room", queue_space() == SPACE_ENOUGH);
	json_begin_member(&j, "paused");
	json_flag(&j, "smtp", queue.is_smtp_paused);
	json_flag(&j, "mta", queue_schedule_is_paused(TRANSPORT_RELAY));
	json_flag(&j, "mda", queue_schedule_is_paused(TRANSPORT_MAILBOX));
	json_end(&j);
	json_end(&j);
	control_text(order, buf_slice(&out));
	buf_fini(&out);
}

static void
show_status_plain(struct control *order, const size_t n[ENVELOPE_STATE_COUNT], size_t down)
{
	bool mta = queue_schedule_is_paused(TRANSPORT_RELAY);
	bool mda = queue_schedule_is_paused(TRANSPORT_MAILBOX);

	control_line(order,
	    "queue: %zu message%s (%llu accepted since the start), %zu destination%s (%zu down)",
	    queue_message_count(), queue_message_count() == 1 ? "" : "s",
	    (unsigned long long)queue_receive_count(), queue_destination_count(),
	    queue_destination_count() == 1 ? "" : "s", down);
	control_line(order, "queue: %zu envelope%s waiting, %zu ready, %zu in flight, %zu held",
	    n[ENVELOPE_WAITING], n[ENVELOPE_WAITING] == 1 ? "" : "s", n[ENVELOPE_READY],
	    n[ENVELOPE_INFLIGHT], n[ENVELOPE_HELD]);
	if (queue_recover_is_busy())
		control_line(order, "queue: still reading what an earlier run left");
	if (queue_space() != SPACE_ENOUGH)
		control_line(order, "queue: no mail is taken, the disk is nearly full");
	if (queue.is_smtp_paused || mta || mda)
		control_line(order, "queue: paused:%s%s%s", queue.is_smtp_paused ? " smtp" : "",
		    mta ? " mta" : "", mda ? " mda" : "");
}

void
queue_show_status(struct control *order, bool json)
{
	size_t n[ENVELOPE_STATE_COUNT] = {0}, down = 0;

	count_states(n, &down);
	if (json)
		show_status_json(order, n, down);
	else
		show_status_plain(order, n, down);
}
