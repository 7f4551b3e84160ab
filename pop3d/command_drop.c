/* STAT, LIST, UIDL, RETR, TOP, DELE, NOOP, RSET, QUIT: what one does with an open maildrop. */
#include "pop3d/command.h"

#include "common/ipc/any_mailbox.h"
#include "common/ipc/packed.h"

#include <sys/stat.h>
#include <unistd.h>

enum { FETCH_SECONDS = 120, UPDATE_SECONDS = 300, RANGES = 60000 };

void
pop3_command_stat(struct pop3_session *s, struct slice argument)
{
	size_t count;
	uint64_t octets;

	pop3_drop_total(&s->drop, &count, &octets);
	stream_printf(s->base.stream, "+OK %zu %llu\r\n", count, (unsigned long long)octets);
}

static struct pop3_message *
find(struct pop3_session *s, struct slice number)
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
		struct pop3_message *m = find(s, argument);

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
		struct pop3_message *m = find(s, argument);

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

static void
on_fetch_ended(void *owner, enum channel_end why)
{
	struct pop3_session *s = owner;

	s->base.request = 0;
	pop3_retrieve_stop(&s->retrieve);
	pop3_err(s, "[SYS/TEMP] the message cannot be read now, try again later");
	pop3_move(s, POP3_TRANSACTION);
	session_step(&s->base);
}

/* It did not come, not whole, or mailbox says why not. RFC 3206: a code only where something is
 * broken. */
static void
refuse_message(struct pop3_session *s, const struct ipc_message *m)
{
	const struct am_no *no = m->schema == &am_no_schema ? m->body : NULL;

	pop3_retrieve_stop(&s->retrieve);
	if (no == NULL && !s->retrieve.is_damaged)
		pop3_err(s, "the message was removed in another session");
	else if (no == NULL || no->code == AM_CORRUPTION)
		pop3_err(s, "[SYS/PERM] the message cannot be read");
	else
		pop3_err(s, "[SYS/TEMP] the message cannot be read now, try again later");
	pop3_move(s, POP3_TRANSACTION);
}

/*
 * The octets that were announced at login, and no others: a file that was lost or cut short must
 * not pass for a message, after which the client would delete it.
 */
static bool
is_whole(const struct am_message *a, int fd, uint64_t announced)
{
	struct stat st;

	if (fd < 0)
		return a->octets.len == announced;
	return a->size == announced && fstat(fd, &st) == 0 && (uint64_t)st.st_size == announced;
}

/* The message is kept until am_ok, so that a refusal can still be said. */
static void
on_fetched(void *owner, struct ipc_message *m)
{
	struct pop3_session *s = owner;

	if (m->schema == &am_message_schema && !s->retrieve.is_active &&
	    is_whole(m->body, m->fd, s->retrieve.size)) {
		const struct am_message *a = m->body;

		pop3_retrieve_start(&s->retrieve, a->octets, m->fd, a->size, s->retrieve.lines);
		return;
	}
	if (m->fd >= 0)
		close(m->fd);
	if (m->schema == &am_message_schema) {
		s->retrieve.is_damaged = true;
		log_error(
		    "the octets of a message are not as many as its size says: it is not sent");
		return;
	}
	if (m->schema == &am_batch_schema) {
		struct am_more more = {0};

		am_more_send(m->channel, m->id, &more, -1);
		return;
	}
	if (m->schema != &am_ok_schema && m->schema != &am_no_schema) {
		channel_violation(m->channel, m->schema->name);
		return;
	}
	session_asked(&s->base);
	if (m->schema == &am_ok_schema && s->retrieve.is_active) {
		pop3_ok(s, "%llu octets", (unsigned long long)s->retrieve.size);
		pop3_move(s, POP3_SENDING);
	} else {
		refuse_message(s, m);
	}
	session_step(&s->base);
}

static void
retrieve(struct pop3_session *s, const struct pop3_message *m, uint64_t lines)
{
	struct am_fetch fetch = {.handle = s->handle, .want = WANT_OCTETS};
	struct buf uids = {0};
	bool is_asked;

	am_range_add(&uids, m->uid, m->uid);
	fetch.uids = buf_slice(&uids);
	s->retrieve = (struct pop3_retrieve){.fd = -1, .lines = lines, .size = m->size};
	is_asked = session_ask(&s->base, s->mailbox, &am_fetch_schema, &fetch, on_fetched,
	    on_fetch_ended, SPAN_SECONDS(FETCH_SECONDS));
	buf_fini(&uids);
	if (!is_asked) {
		pop3_err(s, "[SYS/TEMP] the message cannot be read now, try again later");
		return;
	}
	pop3_move(s, POP3_FETCH_ASK);
}

void
pop3_command_retr(struct pop3_session *s, struct slice argument)
{
	struct pop3_message *m = find(s, argument);

	if (m != NULL)
		retrieve(s, m, UINT64_MAX);
}

void
pop3_command_top(struct pop3_session *s, struct slice argument)
{
	struct slice number;
	uint64_t lines;
	struct pop3_message *m;

	if (!slice_word(&argument, &number) || !slice_number(argument, INT32_MAX, &lines)) {
		pop3_err(s, "TOP needs a message and how many lines of its body");
		return;
	}
	m = find(s, number);
	if (m != NULL)
		retrieve(s, m, lines);
}

void
pop3_command_dele(struct pop3_session *s, struct slice argument)
{
	struct pop3_message *m = find(s, argument);

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

	session_asked(&s->base);
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
	struct buf uids = {0};
	struct am_expunge expunge = {.handle = s->handle};

	pop3_drop_ranges(&s->drop, true, &s->drop.asked, RANGES, &uids);
	expunge.uids = buf_slice(&uids);
	if (uids.len == 0)
		end(s, true);
	else if (!session_ask(&s->base, s->mailbox, &am_expunge_schema, &expunge, on_removed,
		     on_removing_ended, SPAN_SECONDS(UPDATE_SECONDS)))
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
