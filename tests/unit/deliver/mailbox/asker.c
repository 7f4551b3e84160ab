#include "tests/unit/deliver/mailbox/asker.h"

#include "deliver/mailbox/grant.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static uint32_t
u32(const char *at)
{
	const unsigned char *p = (const unsigned char *)at;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void
add_uids(struct buf *out, struct slice uids)
{
	for (size_t at = 0; at + 4 <= uids.len; at += 4)
		buf_printf(out, "%s%u", out->len > 0 ? " " : "", u32(uids.data + at));
}

static void
add_records(struct asker *a, struct slice records)
{
	for (size_t at = 0; at + AM_RECORD <= records.len; at += AM_RECORD)
		buf_printf(&a->records, "%s%u:%u", a->records.len > 0 ? " " : "",
		    u32(records.data + at), (unsigned char)records.data[at + 16]);
}

static void
take_message(struct asker *a, const struct ipc_message *m)
{
	const struct am_message *is = m->body;

	a->message_count++;
	buf_clear(&a->octets);
	buf_add_slice(&a->octets, is->octets);
	if (m->fd >= 0)
		close(m->fd);
}

static void
end(struct asker *a, const struct ipc_message *m)
{
	a->end = m->schema;
	channel_done(a->mine, a->request);
	loop_stop();
}

static void
on_answer(void *owner, struct ipc_message *m)
{
	struct asker *a = owner;

	if (m->schema == &am_found_schema) {
		add_uids(&a->found, ((const struct am_found *)m->body)->uids);
	} else if (m->schema == &am_messages_schema) {
		add_records(a, ((const struct am_messages *)m->body)->records);
	} else if (m->schema == &am_keywords_schema) {
		a->set = ((const struct am_keywords *)m->body)->set;
		a->set_count++;
	} else if (m->schema == &am_gone_schema) {
		add_uids(&a->gone, ((const struct am_gone *)m->body)->uids);
	} else if (m->schema == &am_message_schema) {
		take_message(a, m);
	} else if (m->schema == &am_batch_schema) {
		struct am_more more = {0};

		am_more_send(a->mine, a->request, &more, -1);
	} else if (m->schema == &am_status_is_schema) {
		a->messages = ((const struct am_status_is *)m->body)->messages;
		a->unseen = ((const struct am_status_is *)m->body)->unseen;
		end(a, m);
	} else if (m->schema == &am_opened_schema) {
		a->handle = ((const struct am_opened *)m->body)->handle;
		end(a, m);
	} else if (m->schema == &am_spooled_schema) {
		a->spool = ((const struct am_spooled *)m->body)->spool;
		a->spool_fd = m->fd;
		end(a, m);
	} else if (m->schema == &am_appended_schema) {
		a->uid = ((const struct am_appended *)m->body)->uid;
		end(a, m);
	} else if (m->schema == &am_ok_schema) {
		a->modseq = ((const struct am_ok *)m->body)->modseq;
		end(a, m);
	} else if (m->schema == &am_no_schema) {
		a->code = ((const struct am_no *)m->body)->code;
		end(a, m);
	} else if (m->schema == &am_copied_schema) {
		end(a, m);
	} else if (m->schema == &qm_outcome_schema) {
		if (((const struct qm_outcome *)m->body)->outcome == OUTCOME_DELIVERED)
			a->delivered++;
		else
			a->deferred++;
		if (a->delivered + a->deferred == (int)a->messages)
			end(a, m);
	}
}

static void
on_ended(void *owner, enum channel_end why)
{
	cr_assert_fail("the line broke");
}

static void
on_changed(void *owner, struct ipc_message *m)
{
	struct asker *a = owner;
	const struct am_changed *c = m->body;

	a->changed++;
	a->removed += c->removed;
}

void
asker_open(struct asker *a, const struct ipc_handler *handlers)
{
	static const struct ipc_handler news[] = {{&am_changed_schema, on_changed}, {NULL, NULL}};
	static const struct ipc_schema *const answers[] = {&am_opened_schema, &am_mailbox_schema,
	    &am_status_is_schema, &am_view_is_schema, &am_keywords_schema, &am_messages_schema,
	    &am_gone_schema, &am_message_schema, &am_batch_schema, &am_found_schema,
	    &am_spooled_schema, &am_appended_schema, &am_copied_schema, &am_ok_schema,
	    &am_no_schema, &qm_outcome_schema, NULL};
	struct channel_options there = {.peer = "asker", .handlers = handlers};
	struct channel_options here = {
	    .peer = "mailbox", .handlers = news, .answers = answers, .owner = a};
	int pair[2];

	*a = (struct asker){.mine = NULL};
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
	a->theirs = channel_new(pair[0], &there);
	a->mine = channel_new(pair[1], &here);
}

void
asker_close(struct asker *a)
{
	handles_forget(a->theirs);
	replies_forget(a->theirs);
	deliveries_forget(a->theirs);
	if (a->end == NULL && a->request != 0)
		channel_done(a->mine, a->request);
	channel_close(a->theirs);
	channel_close(a->mine);
	buf_fini(&a->found);
	buf_fini(&a->records);
	buf_fini(&a->gone);
	buf_fini(&a->octets);
}

static void
begin(struct asker *a)
{
	struct channel_request r = {.answer = on_answer, .ended = on_ended, .owner = a};

	buf_clear(&a->found);
	buf_clear(&a->records);
	buf_clear(&a->gone);
	a->message_count = a->set_count = a->delivered = a->deferred = 0;
	a->end = NULL;
	a->request = channel_request(a->mine, &r);
	cr_assert_neq(a->request, 0);
}

void
asker_send(struct asker *a, const struct ipc_schema *schema, const void *message)
{
	begin(a);
	cr_assert(channel_send(a->mine, schema, a->request, message, -1), "%s", schema->name);
}

void
asker_wait(struct asker *a)
{
	while (a->end == NULL)
		loop_run();
}

void
asker_ask(struct asker *a, const struct ipc_schema *schema, const void *message)
{
	asker_send(a, schema, message);
	asker_wait(a);
}

void
asker_login(struct asker *a, const char *account)
{
	char token[TOKEN_OCTETS] = {0};
	struct am_open open = {.token = slice_make(token, sizeof(token))};

	arc4random_buf(token, sizeof(token));
	grant_add(open.token, slice_of(account), 60);
	asker_ask(a, &am_open_schema, &open);
	cr_assert_eq(a->end, &am_opened_schema);
}

void
asker_view(struct asker *a, const char *name)
{
	struct am_view view = {.handle = a->handle, .name = slice_of(name)};

	asker_ask(a, &am_view_schema, &view);
	cr_assert_eq(a->end, &am_ok_schema);
}

void
asker_append(struct asker *a, const char *name, const char *message, uint8_t flags)
{
	struct am_append m = {.handle = a->handle,
	    .name = slice_of(name),
	    .flags = flags,
	    .date = 1577880000,
	    .size = strlen(message),
	    .octets = slice_of(message)};

	asker_ask(a, &am_append_schema, &m);
	cr_assert_eq(a->end, &am_appended_schema);
}

void
asker_deliver(struct asker *a, const char *accounts, uint64_t first, const char *message)
{
	struct qm_deliver deliver = {
	    .message = 1, .sender = SLICE("s@x.test"), .arrival = 1, .size = strlen(message)};
	struct qm_body body = {.octets = slice_of(message)};
	struct slice rest = slice_of(accounts), one;

	while (slice_split(&rest, ' ', &one))
		deliver.rcpts++;
	begin(a);
	a->messages = deliver.rcpts;
	qm_deliver_send(a->mine, a->request, &deliver, -1);
	rest = slice_of(accounts);
	while (slice_split(&rest, ' ', &one)) {
		struct qm_rcpt r = {.envelope = first++, .account = one, .address = one};

		qm_rcpt_send(a->mine, a->request, &r, -1);
	}
	qm_body_send(a->mine, a->request, &body, -1);
	asker_wait(a);
}
