/*
 * Opening the maildrop: the account with the token of the login, INBOX, and the size of every
 * message, so that STAT is right from the first.
 */
#include "common/base/mem.h"
#include "common/ipc/any_mailbox.h"
#include "common/ipc/packed.h"
#include "pop3d/command.h"

#include <unistd.h>

enum { OPEN_SECONDS = 120, RANGES = 60000 };

static void ask_sizes(struct pop3_session *s);

static void
refuse_open(struct pop3_session *s, const char *code, struct slice why)
{
	pop3_err(s, "[%s] %.*s", code, SLICE_FMT(why));
	pop3_move(s, POP3_AUTHORIZATION);
	if (s->handle != 0) {
		struct am_close m = {.handle = s->handle};

		am_close_send(s->mailbox, 0, &m, -1);
	}
	s->handle = 0;
	s->mailbox = NULL;
	pop3_drop_fini(&s->drop);
	session_step(&s->base);
}

static void
unavailable(struct pop3_session *s)
{
	refuse_open(s, "SYS/TEMP", SLICE("the mail store does not answer now, try again later"));
}

static void
on_open_ended(void *owner, enum channel_end why)
{
	struct pop3_session *s = owner;

	s->base.request = 0;
	unavailable(s);
}

/* False: nobody is there to ask. */
static bool
ask(struct pop3_session *s, const struct ipc_schema *schema, const void *message,
    void (*answer)(void *owner, struct ipc_message *m))
{
	struct channel_request r = {
	    .answer = answer, .ended = on_open_ended, .deadline = SPAN_SECONDS(OPEN_SECONDS)};

	return session_ask(&s->base, s->mailbox, &r, schema, message);
}

static bool
refused(struct pop3_session *s, struct ipc_message *m)
{
	const struct am_no *no = m->body;

	if (m->schema != &am_no_schema)
		return false;
	session_request_done(&s->base);
	refuse_open(s, no->code == AM_INUSE ? "IN-USE" : "SYS/TEMP", no->text);
	return true;
}

static void
ready(struct pop3_session *s)
{
	size_t count;
	uint64_t octets;

	pop3_drop_settle(&s->drop);
	pop3_drop_total(&s->drop, &count, &octets);
	pop3_ok(s, "%zu messages, %llu octets", count, (unsigned long long)octets);
	pop3_move(s, POP3_TRANSACTION);
	session_heard(&s->base);
	session_step(&s->base);
}

static void
on_sizes(void *owner, struct ipc_message *m)
{
	struct pop3_session *s = owner;

	if (refused(s, m))
		return;
	if (m->schema == &am_message_schema) {
		const struct am_message *a = m->body;

		if (m->fd >= 0)
			close(m->fd);
		if (m->fd >= 0 || !pop3_drop_size(&s->drop, a->uid, (uint32_t)a->size))
			channel_violation(m->channel, "uid");
	} else if (m->schema == &am_batch_schema) {
		struct am_more more = {0};

		am_more_send(m->channel, m->id, &more, -1);
	} else if (m->schema == &am_ok_schema) {
		session_request_done(&s->base);
		ask_sizes(s);
	} else {
		channel_violation(m->channel, m->schema->name);
	}
}

/* The sizes of the next messages, as many as one request can name. */
static void
ask_sizes(struct pop3_session *s)
{
	struct buf uids = {0};
	struct am_fetch fetch = {.handle = s->handle, .want = WANT_SIZE};
	bool is_asked;

	pop3_drop_ranges(&s->drop, false, &s->drop.asked, RANGES, &uids);
	if (uids.len == 0) {
		ready(s);
		return;
	}
	fetch.uids = buf_slice(&uids);
	is_asked = ask(s, &am_fetch_schema, &fetch, on_sizes);
	buf_fini(&uids);
	if (!is_asked)
		unavailable(s);
}

static void
take_records(struct pop3_session *s, struct slice records)
{
	struct am_record r;

	while (am_record_next(&records, &r))
		pop3_drop_add(&s->drop, r.uid);
}

static void
on_view(void *owner, struct ipc_message *m)
{
	struct pop3_session *s = owner;

	if (refused(s, m))
		return;
	if (m->schema == &am_view_is_schema) {
		s->drop.uidvalidity = ((const struct am_view_is *)m->body)->uidvalidity;
	} else if (m->schema == &am_messages_schema) {
		take_records(s, ((const struct am_messages *)m->body)->records);
	} else if (m->schema == &am_ok_schema) {
		session_request_done(&s->base);
		ask_sizes(s);
	} else if (m->schema != &am_keywords_schema) {
		channel_violation(m->channel, m->schema->name);
	}
}

static void
on_opened(void *owner, struct ipc_message *m)
{
	struct pop3_session *s = owner;
	struct am_view view = {.name = SLICE("INBOX"), .readonly = 1};

	if (refused(s, m))
		return;
	if (m->schema != &am_opened_schema) {
		channel_violation(m->channel, m->schema->name);
		return;
	}
	s->handle = ((const struct am_opened *)m->body)->handle;
	session_request_done(&s->base);
	view.handle = s->handle;
	if (!ask(s, &am_view_schema, &view, on_view))
		unavailable(s);
}

void
pop3_open(struct pop3_session *s, struct slice token, unsigned mailbox)
{
	struct am_open open = {.token = token, .exclusive = 1};

	s->mailbox = mailbox < LIMIT_INSTANCES ? pop3_server.mailboxes[mailbox] : NULL;
	if (!ask(s, &am_open_schema, &open, on_opened)) {
		pop3_err(s, "[SYS/TEMP] the mail store does not answer now, try again later");
		pop3_move(s, POP3_AUTHORIZATION);
	}
}
