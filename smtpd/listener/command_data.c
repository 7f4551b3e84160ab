/*
 * DATA (RFC 5321 4.1.1.4): takes the message to its real end, whatever is wrong with it, hands
 * it to queue, and answers 250 only when queue says that it is on stable storage.
 */
#include "smtpd/listener/command.h"

#include "common/base/id.h"
#include "common/ipc/listener_queue.h"
#include "common/mail/header.h"
#include "common/mail/trace.h"
#include "smtpd/listener/submission.h"

enum { STORE_SECONDS = 300 };

static void
write_trace(struct smtp_session *s)
{
	struct smtp_transaction *t = s->transaction;
	const struct tls *tls = stream_tls(s->base.stream);
	const struct conf_listen *l = s->base.service->listen;
	char client[NETADDR_TEXT], id[ID_TEXT];
	struct smtp_recipient *only = TAILQ_FIRST(&t->recipients);
	struct trace_received r = {.helo = slice_of(s->helo),
	    .client = slice_of(netaddr_literal(&s->base.peer, client)),
	    .rdns = slice_of(s->rdns),
	    .by = slice_of(smtp_hostname(s)),
	    .id = slice_of(id_format(t->message, id)),
	    .recipient = t->accepted == 1 ? slice_of(only->original) : SLICE(""),
	    .user = l->received_auth ? slice_of(s->user) : SLICE(""),
	    .extended = s->has_ehlo,
	    .masked = l->mask_src != 0,
	    .tls = tls != NULL,
	    .tls_version = slice_of(tls == NULL ? NULL : tls_version(tls)),
	    .tls_cipher = slice_of(tls == NULL ? NULL : tls_cipher(tls)),
	    .authenticated = s->user != NULL,
	    .when = civil_now()};

	trace_received(&t->octets, &r);
	t->trace = t->octets.len;
}

/* The message comes, or comes on after queue was asked, which is not the client's delay. */
static void
begin_data(struct smtp_session *s)
{
	timer_start(&s->base.deadline, smtp_pace_begin(&s->transaction->pace, loop_now()));
	smtp_move(s, SMTP_DATA);
}

static void
reject_without_queue(struct smtp_session *s)
{
	smtp_reject(s, 451, "4.3.0", "the queue does not answer now, try again later");
}

void
smtp_command_data(struct smtp_session *s, const struct smtp_command *c)
{
	struct smtp_transaction *t = s->transaction;

	if (t == NULL) {
		smtp_refuse(s, 503, "5.5.1", "say MAIL first");
		return;
	}
	if (t->accepted == 0) {
		smtp_refuse(s, 503, "5.5.1", "no valid recipient");
		return;
	}
	t->message = smtp_server_message_id();
	if (t->message == 0) {
		reject_without_queue(s);
		return;
	}
	write_trace(s);
	smtp_data_init(&t->body, s->base.service->conf->global.max_message);
	smtp_reply(s, 354, "", "send the message, and end it with a dot on a line of its own");
	begin_data(s);
}

static void
end_transaction(struct smtp_session *s)
{
	smtp_transaction_reset(s);
	if (s->base.state != SMTP_CLOSING)
		smtp_move(s, SMTP_COMMAND);
}

static void
log_accepted(struct smtp_session *s)
{
	const struct smtp_transaction *t = s->transaction;
	struct log_context message = {.outer = &s->base.log, .key = "message", .id = t->message};

	log_event(&message, EV_accepted, WORD("from", t->sender),
	    NUM("recipients", t->recipient_count),
	    WORD("to", TAILQ_FIRST(&t->recipients)->original), NUM("octets", t->body.size));
}

static void
on_store_ended(void *owner, enum channel_end why)
{
	struct smtp_session *s = owner;

	s->base.request = 0;
	reject_without_queue(s);
	end_transaction(s);
	session_step(&s->base);
}

static void
on_stored(void *owner, struct ipc_message *m)
{
	struct smtp_session *s = owner;
	char id[ID_TEXT];

	if (m->schema == &lq_stored_schema) {
		session_request_done(&s->base);
		s->messages++;
		s->idle_commands = 0;
		log_accepted(s);
		smtp_reply(s, 250, "2.0.0", "%s is queued", id_format(s->transaction->message, id));
	} else if (m->schema == &lq_refused_schema) {
		const struct lq_refused *r = m->body;

		session_request_done(&s->base);
		smtp_reject(s, r->code, "", "%.*s", SLICE_FMT(r->text));
	} else {
		channel_violation(m->channel, m->schema->name);
		return;
	}
	end_transaction(s);
	session_step(&s->base);
}

static bool
is_submission(const struct smtp_session *s)
{
	return s->base.service->listen->service == SERVICE_SUBMISSION || s->is_local;
}

static bool
has_whole_header(const struct smtp_transaction *t)
{
	struct slice message = slice_from(buf_slice(&t->octets), t->trace);

	return t->body.state == DATA_END || header_end(message) < message.len;
}

/* Once, when the whole message has come or before it goes on in a file: only then is it known
 * whether it must, for what is added counts too. To a header whose end is not in memory nothing is
 * added: it may come later. */
static void
complete(struct smtp_session *s)
{
	struct smtp_transaction *t = s->transaction;
	const struct conf_listen *l = s->base.service->listen;
	char id[ID_TEXT];
	struct submission what = {.hostname = slice_of(smtp_hostname(s)),
	    .id = slice_of(id_format(t->message, id)),
	    .sender = l->masquerade && s->user != NULL ? slice_of(t->sender) : SLICE(""),
	    .now = civil_now()};

	if (t->is_complete || !is_submission(s))
		return;
	t->is_complete = true;
	if (has_whole_header(t))
		submission_complete(&t->octets, t->trace, &what);
}

static enum session_next
hand_over(struct smtp_session *s)
{
	if (s->transaction->spool_id != 0)
		smtp_transaction_spill(s->transaction);
	if (s->transaction->spool_failed) {
		smtp_reject(s, 452, "4.3.1", "no room for this message now, try again later");
		end_transaction(s);
		return SESSION_GO_ON;
	}
	if (!session_request(&s->base, smtp_server.queue, on_stored, on_store_ended,
		SPAN_SECONDS(STORE_SECONDS)) ||
	    !smtp_transaction_send(s)) {
		if (s->base.request != 0)
			session_request_done(&s->base);
		reject_without_queue(s);
		end_transaction(s);
		return SESSION_GO_ON;
	}
	smtp_move(s, SMTP_STORE_ASK);
	return SESSION_WAIT;
}

/* The header as far as it is in memory: enough to count the hops. */
static bool
is_looping(const struct smtp_transaction *t)
{
	struct slice message = slice_from(buf_slice(&t->octets), t->trace);

	return t->spooled == 0 && header_count(message, SLICE("Received")) > LIMIT_RECEIVED;
}

static enum session_next
end_of_data(struct smtp_session *s)
{
	struct smtp_transaction *t = s->transaction;

	session_heard(&s->base);
	if (t->body.is_too_big)
		smtp_reject(s, 552, "5.3.4", "the message is larger than %llu octets",
		    (unsigned long long)t->body.most);
	else if (t->body.has_bare)
		smtp_reject(s, 550, "5.6.0", "the message has a CR or LF that stands alone");
	else if (t->body.has_long_line)
		smtp_reject(
		    s, 554, "5.6.0", "the message has a line over %d octets", LIMIT_TEXT_LINE);
	else if (t->is_looping || is_looping(t))
		smtp_reject(s, 554, "5.4.6", "more than %d hops: the message goes in a circle",
		    LIMIT_RECEIVED);
	else
		return hand_over(s);
	end_transaction(s);
	return SESSION_GO_ON;
}

static void
on_spool_ended(void *owner, enum channel_end why)
{
	struct smtp_session *s = owner;

	s->base.request = 0;
	s->transaction->spool_failed = true;
	buf_clear(&s->transaction->octets);
	begin_data(s);
	session_step(&s->base);
}

static void
on_spooled(void *owner, struct ipc_message *m)
{
	struct smtp_session *s = owner;
	struct smtp_transaction *t = s->transaction;

	if (m->schema == &lq_spooled_schema) {
		t->spool = m->fd;
		t->spool_id = ((const struct lq_spooled *)m->body)->spool;
		t->is_looping = is_looping(t);
		smtp_transaction_spill(t);
	} else if (m->schema == &lq_refused_schema) {
		t->spool_failed = true;
		buf_clear(&t->octets);
	} else {
		channel_violation(m->channel, m->schema->name);
		return;
	}
	session_request_done(&s->base);
	begin_data(s);
	session_step(&s->base);
}

static enum session_next
ask_spool(struct smtp_session *s)
{
	struct lq_spool nothing = {0};

	if (!session_ask(&s->base, smtp_server.queue, &lq_spool_schema, &nothing, on_spooled,
		on_spool_ended, SPAN_SECONDS(STORE_SECONDS))) {
		s->transaction->spool_failed = true;
		buf_clear(&s->transaction->octets);
		return SESSION_GO_ON;
	}
	smtp_move(s, SMTP_SPOOL_ASK);
	return SESSION_WAIT;
}

/* Whether the message goes on in a file. Of those we know the whole header is waited for. */
static bool
is_outgrown(struct smtp_session *s)
{
	struct smtp_transaction *t = s->transaction;
	size_t most = is_submission(s) && s->user != NULL ? LIMIT_HEADER : LIMIT_INLINE;

	if (t->spool >= 0 || t->spool_failed || t->octets.len <= LIMIT_INLINE)
		return false;
	if (t->body.state == DATA_END || t->octets.len > most)
		return true;
	if (t->octets.len <= t->looked_at + LIMIT_INLINE)
		return false;
	t->looked_at = t->octets.len;
	return has_whole_header(t);
}

/* Takes what is there. A message that outgrows a frame goes on into a file of queue's. */
static enum session_next
take_octets(struct smtp_session *s, struct slice octets)
{
	struct smtp_transaction *t = s->transaction;
	size_t n = smtp_data_feed(&t->body, octets, &t->octets);

	stream_consume(s->base.stream, n);
	/* What is too large will be refused, and could go on for ever: it buys no time. */
	if (!t->body.is_too_big)
		timer_start(&s->base.deadline, smtp_pace_feed(&t->pace, n, loop_now()));
	if (t->spool_failed || t->body.is_too_big)
		buf_clear(&t->octets);
	else if (t->spool >= 0 && t->octets.len > LIMIT_INLINE)
		smtp_transaction_spill(t);
	else if (t->body.state == DATA_END)
		complete(s);
	if (is_outgrown(s)) {
		complete(s);
		return ask_spool(s);
	}
	return t->body.state == DATA_END ? end_of_data(s) : SESSION_GO_ON;
}

enum session_next
smtp_when_data(struct smtp_session *s)
{
	struct slice octets;
	enum session_next next;

	if (s->transaction->body.state == DATA_END)
		return end_of_data(s);
	return session_peek(&s->base, &octets, &next) ? take_octets(s, octets) : next;
}
