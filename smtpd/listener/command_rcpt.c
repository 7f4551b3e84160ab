/*
 * RCPT (RFC 5321 4.1.1.3): lookup expands and routes the address while the client waits, so
 * that a 250 means the message can be delivered and an unknown user is refused here.
 */
#include "smtpd/listener/command.h"

#include "common/base/mem.h"
#include "common/ipc/any_lookup.h"
#include "smtpd/listener/verdict.h"

enum { ROUTE_SECONDS = 60 };

/* What an alias of error: says: a code, blank, and the rest. */
static void
reject_as_told(struct smtp_session *s, struct slice reply)
{
	uint64_t code;

	if (!slice_number(slice_sub(reply, 0, 3), 599, &code) || code < 400)
		smtp_reject(s, 550, "5.1.1", "there is no such mailbox here");
	else
		smtp_reject(s, (int)code, "", "%.*s", SLICE_FMT(slice_from(reply, 4)));
}

static void
answer(struct smtp_session *s, const struct al_route_is *is)
{
	switch ((enum al_route_result)is->result) {
	case ROUTE_OK:
		s->transaction->accepted++;
		smtp_reply(s, 250, "2.1.5", "ok");
		return;
	case ROUTE_UNKNOWN:
		smtp_reject(s, 550, "5.1.1", "there is no such mailbox here");
		break;
	case ROUTE_RELAY_DENIED:
		smtp_reject(s, 550, "5.7.1", "relay denied");
		break;
	case ROUTE_REJECTED:
		smtp_reject(s, 550, "5.7.1", "refused by a rule of this server");
		break;
	case ROUTE_ERROR:
		reject_as_told(s, is->reply);
		break;
	case ROUTE_LOOP:
		smtp_reject(s, 550, "5.4.6", "the address leads in a circle, or to too many");
		break;
	case ROUTE_TEMPORARY:
		smtp_reject(
		    s, 451, "4.3.0", "cannot find out where this goes now, try again later");
		break;
	}
	smtp_transaction_undo(s->transaction);
}

static void
end_rcpt(struct smtp_session *s)
{
	smtp_transaction_end_rcpt(s->transaction);
	if (s->base.state == SMTP_RCPT_ASK)
		smtp_move(s, SMTP_COMMAND);
}

static void
on_route_ended(void *owner, enum channel_end why)
{
	struct smtp_session *s = owner;
	struct al_route_is is = {.result = ROUTE_TEMPORARY};

	s->base.request = 0;
	answer(s, &is);
	end_rcpt(s);
	session_step(&s->base);
}

/* DATA counts on it that whoever was accepted is there. */
static bool
is_whole(const struct smtp_transaction *t, const struct al_route_is *is)
{
	return is->result != ROUTE_OK || t->recipient_count > t->pending.mark;
}

/* Everything that lookup's answer may hang on. */
static struct al_route
question(const struct smtp_session *s, char client[NETADDR_TEXT])
{
	return (struct al_route){.sender = slice_of(s->transaction->sender),
	    .recipient = slice_of(s->transaction->pending.original),
	    .client = s->is_local ? SLICE("") : slice_of(netaddr_format(&s->base.peer, client)),
	    .rdns = s->is_confirmed_rdns ? slice_of(s->rdns) : SLICE(""),
	    .helo = slice_of(s->helo),
	    .user = slice_of(s->user),
	    .tag = s->base.service->listen->tag,
	    .tls = s->base.is_tls,
	    .local = s->is_local};
}

/* An alias that leads to several is asked for each time. */
static void
remember(const struct smtp_session *s, const struct al_route_is *is)
{
	const struct smtp_transaction *t = s->transaction;
	struct al_recipient newest;

	if (is->result != ROUTE_OK || !is->lasts || t->recipient_count != t->pending.mark + 1)
		return;
	newest = smtp_transaction_newest(t);
	smtp_verdict_add(t->pending.asked, &newest);
}

static void
say_too_many(struct smtp_session *s)
{
	smtp_reply(s, 452, "4.5.3", "too many recipients");
}

static void
refuse_many(struct smtp_session *s)
{
	smtp_transaction_undo(s->transaction);
	say_too_many(s);
	end_rcpt(s);
}

static void
on_route(void *owner, struct ipc_message *m)
{
	struct smtp_session *s = owner;

	if (m->schema == &al_recipient_schema) {
		if (!smtp_transaction_add(s->transaction, m->body)) {
			session_request_done(&s->base);
			refuse_many(s);
			session_step(&s->base);
		}
	} else if (m->schema == &al_route_is_schema && is_whole(s->transaction, m->body)) {
		session_request_done(&s->base);
		remember(s, m->body);
		answer(s, m->body);
		end_rcpt(s);
		session_step(&s->base);
	} else {
		channel_violation(m->channel, m->schema->name);
	}
}

static void
ask_route(struct smtp_session *s, const struct al_route *q)
{
	struct channel_request r = {
	    .answer = on_route, .ended = on_route_ended, .deadline = SPAN_SECONDS(ROUTE_SECONDS)};

	if (!session_ask(&s->base, smtp_server.lookup, &r, &al_route_schema, q)) {
		answer(s, &(struct al_route_is){.result = ROUTE_TEMPORARY});
		end_rcpt(s);
		return;
	}
	smtp_move(s, SMTP_RCPT_ASK);
}

static void
find_route(struct smtp_session *s)
{
	char client[NETADDR_TEXT];
	struct al_route q = question(s, client);
	struct al_recipient known;

	s->transaction->pending.asked = smtp_verdict_of(&q);
	if (!smtp_verdict_find(s->transaction->pending.asked, &known)) {
		ask_route(s, &q);
	} else if (smtp_transaction_add(s->transaction, &known)) {
		answer(s, &(struct al_route_is){.result = ROUTE_OK});
		end_rcpt(s);
	} else {
		refuse_many(s);
	}
}

void
smtp_command_rcpt(struct smtp_session *s, const struct smtp_command *c)
{
	struct buf address = {0};

	if (s->transaction == NULL) {
		smtp_refuse(s, 503, "5.5.1", "say MAIL first");
		return;
	}
	if (s->transaction->accepted >= s->base.service->conf->global.max_rcpt) {
		say_too_many(s);
		return;
	}
	if (slice_equal_text_nocase(c->path.local, "postmaster") && c->path.domain.len == 0)
		address_format(&address, &c->path);
	else
		smtp_add_address(s, &c->path, &address);
	smtp_transaction_begin_rcpt(s->transaction, buf_take(&address, NULL), &c->rcpt);
	find_route(s);
}
