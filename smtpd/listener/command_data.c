/*
 * DATA (RFC 5321 4.1.1.4): takes the message to its real end, whatever is wrong with it, hands
 * it to queue, and answers 250 only when queue says that it is on stable storage.
 */
#include "smtpd/listener/command.h"

#include "common/base/id.h"
#include "common/ipc/listener_queue.h"
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
	    .id = slice_of(id_format(t->id, id)),
	    .recipient = t->accepted == 1 ? slice_of(only->original) : SLICE(""),
	    .user = l->received_auth ? slice_of(s->user) : SLICE(""),
	    .extended = s->has_ehlo,
	    .masked = l->mask_src != 0,
	    .tls = tls != NULL,
	    .tls_version = slice_of(tls == NULL ? NULL : tls_version(tls)),
	    .tls_cipher = slice_of(tls == NULL ? NULL : tls_cipher(tls)),
	    .authenticated = s->user != NULL,
	    .when = civil_now()};

	trace_received(&t->message.octets, &r);
	t->message.trace = t->message.octets.len;
}

/* The message comes, or comes on after queue was asked, which is not the client's delay. */
static void
begin_data(struct smtp_session *s)
{
	timer_start(&s->base.deadline, smtp_pace_begin(&s->transaction->message.pace, loop_now()));
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
	t->id = smtp_server_message_id();
	if (t->id == 0) {
		reject_without_queue(s);
		return;
	}
	write_trace(s);
	smtp_data_init(&t->message.data, s->base.service->conf->global.max_message);
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
	struct log_context message = {.outer = &s->base.log, .key = "message", .id = t->id};

	log_event(&message, EV_accepted, WORD("from", t->sender),
	    NUM("recipients", t->recipient_count),
	    WORD("to", TAILQ_FIRST(&t->recipients)->original), NUM("octets", t->message.data.size));
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
		s->old_errors = s->errors;
		log_accepted(s);
		smtp_reply(s, 250, "2.0.0", "%s is queued", id_format(s->transaction->id, id));
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

/* Once, when the whole message has come or before it goes on in a file: only then is it known
 * whether it must, for what is added counts too. To a header whose end is not in memory nothing is
 * added: it may come later. */
static void
complete(struct smtp_session *s)
{
	struct smtp_transaction *t = s->transaction;
	struct smtp_message *m = &t->message;
	const struct conf_listen *l = s->base.service->listen;
	char id[ID_TEXT];
	struct submission what = {.hostname = slice_of(smtp_hostname(s)),
	    .id = slice_of(id_format(t->id, id)),
	    .sender = slice_of(t->sender),
	    .masquerades = l->masquerade && s->user != NULL && t->sender[0] != '\0',
	    .now = civil_now()};

	if (m->is_complete || !is_submission(s))
		return;
	m->is_complete = true;
	if (smtp_message_has_whole_header(m))
		submission_complete(&m->octets, m->trace, &what);
}

static enum session_next
hand_over(struct smtp_session *s)
{
	struct smtp_message *m = &s->transaction->message;
	struct channel_request r = {
	    .answer = on_stored, .ended = on_store_ended, .deadline = SPAN_SECONDS(STORE_SECONDS)};

	if (m->spool_id != 0)
		smtp_message_spill(m);
	if (m->has_no_place) {
		smtp_reject(s, 452, "4.3.1", "no room for this message now, try again later");
		end_transaction(s);
		return SESSION_GO_ON;
	}
	if (!session_request(&s->base, smtp_server.queue, &r) || !smtp_transaction_send(s)) {
		if (s->base.request != 0)
			session_request_done(&s->base);
		reject_without_queue(s);
		end_transaction(s);
		return SESSION_GO_ON;
	}
	smtp_move(s, SMTP_STORE_ASK);
	return SESSION_WAIT;
}

static enum session_next
end_of_data(struct smtp_session *s)
{
	const struct smtp_message *m = &s->transaction->message;

	session_heard(&s->base);
	if (m->data.is_too_big)
		smtp_reject(s, 552, "5.3.4", "the message is larger than %llu octets",
		    (unsigned long long)m->data.most);
	else if (m->data.has_bare)
		smtp_reject(s, 550, "5.6.0", "the message has a CR or LF that stands alone");
	else if (m->data.has_long_line)
		smtp_reject(
		    s, 554, "5.6.0", "the message has a line over %d octets", LIMIT_TEXT_LINE);
	else if (m->is_looping || smtp_message_has_too_many_hops(m))
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
	smtp_message_give_up(&s->transaction->message);
	begin_data(s);
	session_step(&s->base);
}

static void
on_spooled(void *owner, struct ipc_message *m)
{
	struct smtp_session *s = owner;
	struct smtp_message *message = &s->transaction->message;

	if (m->schema == &lq_spooled_schema) {
		smtp_message_take_spool(
		    message, m->fd, ((const struct lq_spooled *)m->body)->spool);
	} else if (m->schema == &lq_refused_schema) {
		smtp_message_give_up(message);
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
	struct channel_request r = {
	    .answer = on_spooled, .ended = on_spool_ended, .deadline = SPAN_SECONDS(STORE_SECONDS)};
	struct lq_spool nothing = {0};

	if (!session_ask(&s->base, smtp_server.queue, &r, &lq_spool_schema, &nothing)) {
		smtp_message_give_up(&s->transaction->message);
		return SESSION_GO_ON;
	}
	smtp_move(s, SMTP_SPOOL_ASK);
	return SESSION_WAIT;
}

/* What somebody submits whom we know is completed, so its whole header is waited for. */
static size_t
most_in_memory(const struct smtp_session *s)
{
	return is_submission(s) && s->user != NULL ? LIMIT_HEADER : LIMIT_INLINE;
}

/* Takes what is there. A message that outgrows a frame goes on into a file of queue's. */
static enum session_next
take_octets(struct smtp_session *s, struct slice octets)
{
	struct smtp_message *m = &s->transaction->message;
	size_t n = smtp_data_feed(&m->data, octets, &m->octets);

	stream_consume(s->base.stream, n);
	/* What is too large will be refused, and could go on for ever: it buys no time. */
	if (!m->data.is_too_big)
		timer_start(&s->base.deadline, smtp_pace_feed(&m->pace, n, loop_now()));
	if (m->has_no_place || m->data.is_too_big)
		buf_clear(&m->octets);
	else if (m->spool >= 0 && m->octets.len > LIMIT_INLINE)
		smtp_message_spill(m);
	else if (m->data.state == DATA_END)
		complete(s);
	if (smtp_message_is_outgrown(m, most_in_memory(s))) {
		complete(s);
		return ask_spool(s);
	}
	return m->data.state == DATA_END ? end_of_data(s) : SESSION_GO_ON;
}

enum session_next
smtp_when_data(struct smtp_session *s)
{
	struct slice octets;
	enum session_next next;

	if (s->transaction->message.data.state == DATA_END)
		return end_of_data(s);
	return session_peek(&s->base, &octets, &next) ? take_octets(s, octets) : next;
}
