/*
 * RETR and TOP. Who reads one message after the other finds the next small ones here already. If
 * something was amiss with one of several, the one that the client wants is asked for alone.
 */
#include "pop3d/command.h"

#include "common/ipc/any_mailbox.h"
#include "common/ipc/packed.h"

#include <sys/stat.h>
#include <unistd.h>

enum { FETCH_SECONDS = 120 };

static void
on_fetch_ended(void *owner, enum channel_end why)
{
	struct pop3_session *s = owner;

	s->base.request = 0;
	pop3_ahead_drop(&s->ahead);
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

/* Whether it is one of those behind the one that is wanted; if it is whole, it is kept. */
static bool
is_behind(struct pop3_session *s, const struct am_message *a, int fd)
{
	for (size_t i = s->wanted + 1; i < s->drop.count && i < s->wanted + s->asked; i++) {
		const struct pop3_message *m = &s->drop.messages[i];

		if (m->uid != a->uid)
			continue;
		if (fd < 0 && is_whole(a, fd, m->size))
			pop3_ahead_add(&s->ahead, m->uid, a->octets);
		return true;
	}
	return false;
}

/* The message is kept until am_ok, so that a refusal can still be said. */
static void
take_message(struct pop3_session *s, const struct ipc_message *m)
{
	const struct am_message *a = m->body;

	if (a->uid == s->drop.messages[s->wanted].uid && !s->retrieve.is_active &&
	    is_whole(a, m->fd, s->retrieve.size)) {
		pop3_retrieve_start(&s->retrieve, a->octets, m->fd, a->size, s->retrieve.lines);
		return;
	}
	if (!is_behind(s, a, m->fd)) {
		s->retrieve.is_damaged = true;
		log_error(
		    "the octets of a message are not as many as its size says: it is not sent");
	}
	if (m->fd >= 0)
		close(m->fd);
}

static void
begin_sending(struct pop3_session *s)
{
	pop3_ok(s, "%llu octets", (unsigned long long)s->retrieve.size);
	pop3_move(s, POP3_SENDING);
}

static bool ask(struct pop3_session *s, size_t count, uint64_t lines);

/* False: it was alone, or cannot be asked for. */
static bool
ask_alone(struct pop3_session *s)
{
	uint64_t lines = s->retrieve.lines;

	if (s->asked == 1)
		return false;
	pop3_ahead_drop(&s->ahead);
	pop3_retrieve_stop(&s->retrieve);
	return ask(s, 1, lines);
}

static void
on_fetched(void *owner, struct ipc_message *m)
{
	struct pop3_session *s = owner;
	struct am_more more = {0};

	if (m->schema == &am_message_schema) {
		take_message(s, m);
		return;
	}
	if (m->fd >= 0)
		close(m->fd);
	if (m->schema == &am_batch_schema) {
		am_more_send(m->channel, m->id, &more, -1);
		return;
	}
	if (m->schema != &am_ok_schema && m->schema != &am_no_schema) {
		channel_violation(m->channel, m->schema->name);
		return;
	}
	session_request_done(&s->base);
	if (m->schema == &am_ok_schema && s->retrieve.is_active)
		begin_sending(s);
	else if (!ask_alone(s))
		refuse_message(s, m);
	session_step(&s->base);
}

/* Asks for the one that is wanted, and for those behind it. */
static bool
ask(struct pop3_session *s, size_t count, uint64_t lines)
{
	const struct pop3_message *m = &s->drop.messages[s->wanted];
	struct channel_request r = {
	    .answer = on_fetched, .ended = on_fetch_ended, .deadline = SPAN_SECONDS(FETCH_SECONDS)};
	struct am_fetch fetch = {.handle = s->handle, .want = WANT_OCTETS};
	struct buf uids = {0};
	bool is_asked;

	for (size_t i = 0, first = 0; i < count; i++) {
		if (i + 1 < count && m[i + 1].uid == m[i].uid + 1)
			continue;
		am_range_add(&uids, m[first].uid, m[i].uid);
		first = i + 1;
	}
	fetch.uids = buf_slice(&uids);
	s->asked = count;
	s->retrieve = (struct pop3_retrieve){.fd = -1, .lines = lines, .size = m->size};
	is_asked = session_ask(&s->base, s->mailbox, &r, &am_fetch_schema, &fetch);
	buf_fini(&uids);
	return is_asked;
}

/* More than one if the client asked for the one before this. */
static size_t
how_many(const struct pop3_session *s, size_t number, bool is_next)
{
	const struct pop3_message *m = &s->drop.messages[number];
	size_t room = is_next ? pop3_ahead_room() : 0, count = 1;

	while (count <= POP3_AHEAD_MESSAGES && number + count < s->drop.count &&
	       !m[count].is_deleted && m[count].size <= room)
		room -= m[count++].size;
	return count;
}

static void
retrieve(struct pop3_session *s, const struct pop3_message *m, uint64_t lines)
{
	size_t number = (size_t)(m - s->drop.messages);
	bool is_next = number == s->wanted + 1;
	struct slice octets;

	s->wanted = number;
	if (pop3_ahead_find(&s->ahead, m->uid, &octets)) {
		pop3_retrieve_start(&s->retrieve, octets, -1, octets.len, lines);
		begin_sending(s);
	} else if (ask(s, how_many(s, number, is_next), lines)) {
		pop3_move(s, POP3_FETCH_ASK);
	} else {
		pop3_err(s, "[SYS/TEMP] the message cannot be read now, try again later");
	}
}

void
pop3_command_retr(struct pop3_session *s, struct slice argument)
{
	struct pop3_message *m = pop3_find(s, argument);

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
	m = pop3_find(s, number);
	if (m != NULL)
		retrieve(s, m, lines);
}
