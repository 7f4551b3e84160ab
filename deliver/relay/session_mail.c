/*
 * One transaction: MAIL, RCPT…, DATA, the message, and what the server says of each. With
 * PIPELINING (RFC 2920) the whole envelope leaves in one piece.
 */
#include "deliver/relay/session.h"

#include "common/base/assert.h"
#include "common/base/mem.h"
#include "common/base/moment.h"
#include "common/ipc/listener_queue.h"
#include "common/mail/smtp_syntax.h"
#include "common/mail/srs.h"
#include "deliver/relay/outcome.h"
#include "deliver/relay/pool.h"
#include "deliver/relay/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	BLOCK = 32 * 1024,
	LINE = 998, /* octets of a line that we send, without its end */
};

static void
end_transfer(struct relay_session *s)
{
	struct relay_transfer *t = s->transfer;

	s->transfer = NULL;
	relay_transfer_end(t);
}

/* RFC 3461 4: what the sender wants to hear goes on to whoever takes the message over. */
static void
add_dsn(const struct relay_transfer *t, unsigned n, struct smtp_mail *mail, struct smtp_rcpt *rcpt)
{
	mail->ret = (enum smtp_ret)t->ret;
	slice_copy(slice_of(t->envid), mail->envid, sizeof(mail->envid));
	if (n == 0 || n > t->count)
		return;
	rcpt->notify = t->recipients[n - 1].notify;
	slice_copy(slice_of(t->recipients[n - 1].orcpt), rcpt->orcpt, sizeof(rcpt->orcpt));
}

/* The recipient that an alias or .forward sent on, by whose first domain we speak; NULL:
 * none was. */
static const struct relay_recipient *
find_forwarded(const struct relay_transfer *t)
{
	for (size_t i = 0; i < t->count; i++) {
		if (strcasecmp(t->recipients[i].original, t->recipients[i].address) != 0)
			return &t->recipients[i];
	}
	return NULL;
}

/* What is only sent on gets a sender of ours; false: it keeps its own. */
static bool
add_rewritten(const struct relay_transfer *t, struct buf *out)
{
	const struct conf_global *g = &child_conf()->global;
	struct srs srs = {.key = g->srs_key, .today = (unsigned)(civil_now() / 86400)};
	const struct relay_recipient *r = find_forwarded(t);
	const char *at = r == NULL ? NULL : strrchr(r->original, '@');

	return r != NULL && srs.key.len > 0 &&
	       srs_encode(
		   out, &srs, slice_of(t->sender), at == NULL ? g->hostname : slice_of(at + 1));
}

/* The sender, unless the action has another; of "@domain" the local part stays. */
static void
add_sender(const struct relay_session *s, struct buf *out)
{
	const struct conf_action *a = conf_find_action(child_conf(), slice_of(s->action));
	struct slice sender = slice_of(s->transfer->sender),
		     other = a == NULL ? SLICE("") : a->mail_from;
	ptrdiff_t at = slice_find_last(sender, '@');

	if (sender.len > 0 && a != NULL && a->srs && add_rewritten(s->transfer, out))
		return;
	if (sender.len > 0 && other.len > 0) {
		if (other.data[0] == '@')
			buf_add_slice(out, at < 0 ? sender : slice_sub(sender, 0, (size_t)at));
		sender = other;
	}
	buf_add_slice(out, sender);
}

/* Command n of the envelope: 0 is MAIL, then one for each recipient, then DATA. */
static void
say_command(struct relay_session *s, unsigned n)
{
	const struct relay_transfer *t = s->transfer;
	struct smtp_mail mail = {.size = s->offers.size ? t->size : 0};
	struct smtp_rcpt rcpt = {.notify = 0};
	struct buf line = {0}, sender = {0};

	if (s->offers.dsn)
		add_dsn(t, n, &mail, &rcpt);
	if (s->offers.mime_8bit && (t->flags & MESSAGE_8BIT))
		mail.body = SMTP_BODY_8BITMIME;
	if (n == 0) {
		add_sender(s, &sender);
		smtp_mail_format(&line, buf_slice(&sender), &mail);
	} else if (n <= t->count)
		smtp_rcpt_format(&line, slice_of(t->recipients[n - 1].address), &rcpt);
	else
		buf_add_text(&line, "DATA\r\n");
	stream_write(s->stream, buf_slice(&line));
	buf_fini(&line);
	buf_fini(&sender);
	s->commands_sent++;
}

static bool
is_refused_here(struct relay_session *s)
{
	struct relay_transfer *t = s->transfer;

	if (t->queue == NULL) {
		end_transfer(s);
		return true;
	}
	if (relay_transfer_is_late(t)) {
		relay_transfer_outcome_all(
		    t, OUTCOME_TEMPORARY, "4.4.7", "the way to the server took too long", "");
		end_transfer(s);
		return true;
	}
	return false;
}

enum relay_lack
relay_session_lacks(const struct relay_session *s, const struct relay_transfer *t)
{
	if ((t->flags & MESSAGE_8BIT) && !s->offers.mime_8bit)
		return LACK_8BITMIME;
	if (s->offers.size_limit != 0 && t->size > s->offers.size_limit)
		return LACK_SIZE;
	return LACK_NOTHING;
}

static void
pass_on(struct relay_session *s, enum relay_lack lack)
{
	struct relay_transfer *t = s->transfer;

	s->transfer = NULL;
	relay_session_quit(s);
	relay_transfer_lacks(t, lack, s->name);
}

void
relay_say_envelope(struct relay_session *s)
{
	unsigned all = (unsigned)s->transfer->count + 2;
	enum relay_lack lack;

	if (is_refused_here(s)) {
		if (!s->is_pooled && !relay_pool_add(s))
			relay_session_quit(s);
		return;
	}
	/* What is kept was chosen because it lacks nothing. */
	lack = relay_session_lacks(s, s->transfer);
	if (lack != LACK_NOTHING) {
		ASSERT(!s->is_reused);
		pass_on(s, lack);
		return;
	}
	s->commands_sent = s->replies_seen = 0;
	s->accepted = s->answered = 0;
	s->transfer->passes_dsn = s->offers.dsn;
	do
		say_command(s, s->commands_sent);
	while (s->offers.pipelining && s->commands_sent < all);
	relay_move(s, RELAY_ENVELOPE);
}

static void
say_outcome(struct relay_session *s, struct relay_recipient *r)
{
	char status[REPLY_STATUS];

	relay_transfer_outcome(s->transfer, r, outcome_of(s->reply.code),
	    outcome_status(s->reply.code, reply_status(&s->reply), status), reply_line(&s->reply),
	    s->name);
}

static void
say_outcome_all(struct relay_session *s)
{
	for (size_t i = 0; i < s->transfer->count; i++)
		say_outcome(s, &s->transfer->recipients[i]);
}

static void
reset(struct relay_session *s)
{
	end_transfer(s);
	stream_printf(s->stream, "RSET\r\n");
	relay_move(s, RELAY_RESET);
}

static void
begin_body(struct relay_session *s)
{
	s->body_at = 0;
	s->column = 0;
	relay_transfer_is_welcome(s->transfer);
	relay_move(s, RELAY_BODY);
	relay_send_body(s);
}

/* Whether the reply is a yes: the first digit says so (RFC 5321 4.2.1), whatever the others. */
static bool
is_positive(const struct relay_session *s)
{
	return s->reply.code / 100 == 2;
}

/* Whether all were refused with the sender, and yet some taken by a server that makes no sense:
 * what it would take now, and its sender heard was refused, stays unsent. */
static bool
is_of_two_minds(const struct relay_session *s)
{
	size_t open = 0;

	for (size_t i = 0; i < s->transfer->count; i++)
		open += !s->transfer->recipients[i].is_done;
	return s->accepted > 0 && open == 0;
}

/* DATA's reply: the end of the envelope. A yes would be to a message that was never sent. */
static void
on_data(struct relay_session *s)
{
	if (s->reply.code == 354 && is_of_two_minds(s)) {
		relay_session_broken(s, "the server refused the message, and asks for it");
	} else if (s->reply.code == 354 && s->accepted > 0) {
		begin_body(s);
	} else if (s->reply.code == 354) {
		/* Pipelined DATA was taken though nobody was: an empty message goes to nobody. */
		stream_printf(s->stream, ".\r\n");
		end_transfer(s);
		relay_move(s, RELAY_RESET);
	} else if (is_positive(s) && s->accepted > 0) {
		relay_session_broken(s, reply_line(&s->reply));
	} else {
		say_outcome_all(s);
		reset(s);
	}
}

static void
on_mail(struct relay_session *s)
{
	if (!is_positive(s))
		say_outcome_all(s);
}

/* 552 for one recipient too many is what servers of RFC 821 say in the place of 452, and counts as
 * such (RFC 5321 4.5.3.1.10); a mailbox that is full has words of its own (5.2.2). */
static bool
is_one_too_many(const struct relay_session *s)
{
	const char *status = s->reply.status;

	return s->reply.code == 552 && s->accepted > 0 &&
	       (status[0] == '\0' || strcmp(status, "5.5.3") == 0);
}

static void
on_rcpt(struct relay_session *s, struct relay_recipient *r)
{
	if (is_positive(s)) {
		s->accepted++;
	} else if (is_one_too_many(s)) {
		relay_transfer_outcome(
		    s->transfer, r, OUTCOME_TEMPORARY, "4.5.3", reply_line(&s->reply), s->name);
	} else {
		say_outcome(s, r);
	}
}

void
relay_on_envelope(struct relay_session *s)
{
	unsigned n = s->replies_seen, all = (unsigned)s->transfer->count + 2;

	if (s->reply.code == 421) {
		relay_session_broken(s, reply_line(&s->reply));
		return;
	}
	relay_wait(s);
	s->replies_seen++;
	if (n == 0)
		on_mail(s);
	else if (n <= s->transfer->count)
		on_rcpt(s, &s->transfer->recipients[n - 1]);
	if (n + 1 == all) {
		on_data(s);
		return;
	}
	if (s->commands_sent > s->replies_seen)
		return;
	if ((n == 0 && !is_positive(s)) || (s->commands_sent == all - 1 && s->accepted == 0))
		reset(s);
	else
		say_command(s, s->commands_sent);
}

static ssize_t
read_block(struct relay_session *s, char *block)
{
	struct relay_transfer *t = s->transfer;
	uint64_t left = t->size - s->body_at;
	size_t want = left < BLOCK ? (size_t)left : BLOCK;
	ssize_t n;

	if (t->fd < 0) {
		memcpy(block, t->octets + s->body_at, want);
		return (ssize_t)want;
	}
	do
		n = pread(t->fd, block, want, (off_t)s->body_at);
	while (n < 0 && errno == EINTR);
	return n == 0 && want > 0 ? -1 : n;
}

/* Octets of a line without its end. */
static size_t
text_of(struct slice line)
{
	while (line.len > 0 && (line.data[line.len - 1] == '\n' || line.data[line.len - 1] == '\r'))
		line.len--;
	return line.len;
}

/* How much of a line that is too long this one may have; a character of UTF-8 is not cut. */
static size_t
room_of(const struct relay_session *s, struct slice line)
{
	size_t n = s->column < LINE ? LINE - s->column : 0, cut = n;

	while (cut > 0 && n - cut < 3 && ((unsigned char)line.data[cut] & 0xC0) == 0x80)
		cut--;
	return cut > 0 ? cut : n;
}

/* Doubles the dots, and folds what is longer than a line may be that we send (RFC 5321 4.5.3.1.6).
 * The queue holds CRLF line ends only, so nothing else needs to change. */
static void
send_lines(struct relay_session *s, struct slice octets)
{
	while (octets.len > 0) {
		const char *lf = memchr(octets.data, '\n', octets.len);
		size_t n = lf == NULL ? octets.len : (size_t)(lf - octets.data) + 1;
		size_t text = text_of(slice_sub(octets, 0, n));
		bool is_long = text > 0 && s->column + text > LINE;

		if (is_long)
			n = room_of(s, octets);
		if (s->column == 0 && octets.data[0] == '.')
			stream_write(s->stream, SLICE("."));
		stream_write(s->stream, slice_sub(octets, 0, n));
		if (is_long)
			stream_write(s->stream, SLICE("\r\n "));
		s->column = is_long ? 1 : lf != NULL ? 0 : s->column + n;
		octets = slice_from(octets, n);
	}
}

void
relay_send_body(struct relay_session *s)
{
	char block[BLOCK];

	while (s->body_at < s->transfer->size) {
		ssize_t n;

		if (stream_pending(s->stream) >= STREAM_HIGH)
			return;
		n = read_block(s, block);
		if (n < 0) {
			relay_session_broken(s, "the message cannot be read from the queue");
			return;
		}
		send_lines(s, slice_make(block, (size_t)n));
		s->body_at += (uint64_t)n;
		relay_wait(s);
	}
	stream_write(s->stream, s->column == 0 ? SLICE(".\r\n") : SLICE("\r\n.\r\n"));
	relay_move(s, RELAY_DOT);
}

/* A server that has seen enough may say so before the end; it cannot have taken the message. */
void
relay_on_early_reply(struct relay_session *s)
{
	if (s->reply.code / 100 == 5) {
		say_outcome_all(s);
		end_transfer(s);
		relay_move(s, RELAY_CLOSING);
	} else {
		relay_session_broken(s, reply_line(&s->reply));
	}
}

void
relay_on_dot(struct relay_session *s)
{
	struct relay_transfer *t = s->transfer;

	if (s->reply.code == 421) {
		relay_session_broken(s, reply_line(&s->reply));
		return;
	}
	for (size_t i = 0; i < t->count; i++) {
		if (t->recipients[i].is_done)
			continue; /* it was refused, or had its reply */
		say_outcome(s, &t->recipients[i]);
		/* LMTP has a reply for each recipient that it took (RFC 2033 4.2). */
		if (s->is_lmtp && ++s->answered < s->accepted) {
			relay_wait(s);
			return;
		}
	}
	s->messages++;
	end_transfer(s);
	relay_session_idle(s);
}

void
relay_on_reset(struct relay_session *s)
{
	if (s->reply.code == 421)
		relay_move(s, RELAY_CLOSING);
	else
		relay_session_idle(s);
}
