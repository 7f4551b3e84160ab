/* STAT, LIST, UIDL, DELE, NOOP, RSET, QUIT: what one does with an open maildrop. */
#include "pop3d/command.h"

#include "common/ipc/any_mailbox.h"

enum { UPDATE_SECONDS = 300, RANGES = 60000 };

void
pop3_command_stat(struct pop3_session *s, struct slice argument)
{
	size_t count;
	uint64_t octets;

	pop3_drop_total(&s->drop, &count, &octets);
	stream_printf(s->base.stream, "+OK %zu %llu\r\n", count, (unsigned long long)octets);
}

struct pop3_message *
pop3_find(struct pop3_session *s, struct slice number)
{
	struct pop3_message *m = pop3_drop_find(&s->drop, number);

	if (m == NULL)
		pop3_err(s, "there is no such message");
	return m;
}

void
pop3_command_list(struct pop3_session *s, struct slice argument)
{
	size_t count;
	uint64_t octets;

	if (argument.len > 0) {
		struct pop3_message *m = pop3_find(s, argument);

		if (m != NULL)
			pop3_ok(s, "%zu %u", (size_t)(m - s->drop.messages) + 1, m->size);
		return;
	}
	pop3_drop_total(&s->drop, &count, &octets);
	pop3_ok(s, "%zu messages, %llu octets", count, (unsigned long long)octets);
	for (size_t i = 0; i < s->drop.count; i++) {
		if (!s->drop.messages[i].is_deleted)
			stream_printf(
			    s->base.stream, "%zu %u\r\n", i + 1, s->drop.messages[i].size);
	}
	stream_write(s->base.stream, SLICE(".\r\n"));
}

void
pop3_command_uidl(struct pop3_session *s, struct slice argument)
{
	struct buf id = {0};

	if (argument.len > 0) {
		struct pop3_message *m = pop3_find(s, argument);

		if (m != NULL) {
			pop3_drop_uidl(&s->drop, m, &id);
			pop3_ok(s, "%zu %s", (size_t)(m - s->drop.messages) + 1, buf_text(&id));
		}
		buf_fini(&id);
		return;
	}
	pop3_ok(s, "unique ids follow");
	for (size_t i = 0; i < s->drop.count; i++) {
		if (s->drop.messages[i].is_deleted)
			continue;
		buf_clear(&id);
		pop3_drop_uidl(&s->drop, &s->drop.messages[i], &id);
		stream_printf(s->base.stream, "%zu %s\r\n", i + 1, buf_text(&id));
	}
	stream_write(s->base.stream, SLICE(".\r\n"));
	buf_fini(&id);
}

void
pop3_command_dele(struct pop3_session *s, struct slice argument)
{
	struct pop3_message *m = pop3_find(s, argument);

	if (m == NULL)
		return;
	m->is_deleted = true;
	pop3_ok(s, "it goes at QUIT");
}

void
pop3_command_noop(struct pop3_session *s, struct slice argument)
{
	pop3_ok(s, "here");
}

void
pop3_command_rset(struct pop3_session *s, struct slice argument)
{
	pop3_drop_reset(&s->drop);
	pop3_ok(s, "nothing is marked any more");
}

static void
end(struct pop3_session *s, bool all)
{
	if (all)
		pop3_ok(s, "%s bye", service_hostname(s->base.service));
	else
		pop3_err(s, "[SYS/TEMP] some deleted messages were not removed");
	pop3_move(s, POP3_CLOSING);
}

static void ask_removal(struct pop3_session *s);

static void
on_removed(void *owner, struct ipc_message *m)
{
	struct pop3_session *s = owner;

	session_request_done(&s->base);
	if (m->schema == &am_ok_schema)
		ask_removal(s);
	else
		end(s, false);
	session_step(&s->base);
}

static void
on_removing_ended(void *owner, enum channel_end why)
{
	struct pop3_session *s = owner;

	s->base.request = 0;
	end(s, false);
	session_step(&s->base);
}

/* Asks for the next of the marked messages to go, as many as one request can name. */
static void
ask_removal(struct pop3_session *s)
{
	struct channel_request r = {.answer = on_removed,
	    .ended = on_removing_ended,
	    .deadline = SPAN_SECONDS(UPDATE_SECONDS)};
	struct am_expunge expunge = {.handle = s->handle};
	struct buf uids = {0};

	pop3_drop_ranges(&s->drop, true, &s->drop.asked, RANGES, &uids);
	expunge.uids = buf_slice(&uids);
	if (uids.len == 0)
		end(s, true);
	else if (!session_ask(&s->base, s->mailbox, &r, &am_expunge_schema, &expunge))
		end(s, false);
	buf_fini(&uids);
}

/* UPDATE (RFC 1939 6): what was marked goes, and is durable before the +OK. */
void
pop3_command_quit(struct pop3_session *s, struct slice argument)
{
	if (s->base.state != POP3_TRANSACTION) {
		end(s, true);
		return;
	}
	s->drop.asked = 0;
	pop3_move(s, POP3_UPDATE_ASK);
	ask_removal(s);
}
