/* MAIL (RFC 5321 4.1.1.2): begins a transaction, if this client may send here and so. */
#include "smtpd/listener/command.h"

#include "common/base/mem.h"
#include "common/ipc/any_lookup.h"

enum { SENDER_SECONDS = 30 };

static void
accept_sender(struct smtp_session *s)
{
	smtp_reply(s, 250, "2.0.0", "ok");
}

/* Lookup cannot say, or gives no answer. */
static void
defer_sender(struct smtp_session *s)
{
	smtp_reject(s, 451, "4.3.0", "cannot check the sender now, try again later");
	smtp_transaction_reset(s);
}

static void
on_sender_ended(void *owner, enum channel_end why)
{
	struct smtp_session *s = owner;

	s->base.request = 0;
	smtp_move(s, SMTP_COMMAND);
	defer_sender(s);
	session_step(&s->base);
}

static void
on_sender(void *owner, struct ipc_message *m)
{
	struct smtp_session *s = owner;
	const struct al_sender_is *is;

	if (m->schema != &al_sender_is_schema) {
		channel_violation(m->channel, m->schema->name);
		return;
	}
	is = m->body;
	session_request_done(&s->base);
	smtp_move(s, SMTP_COMMAND);
	if (is->temporary) {
		defer_sender(s);
	} else if (!is->allowed) {
		smtp_reject(s, 550, "5.7.1", "you may not send as this address");
		smtp_transaction_reset(s);
	} else {
		accept_sender(s);
	}
	session_step(&s->base);
}

/* listen … senders <table>: which addresses an authenticated user may send as. */
static void
ask_sender(struct smtp_session *s)
{
	struct channel_request r = {.answer = on_sender,
	    .ended = on_sender_ended,
	    .deadline = SPAN_SECONDS(SENDER_SECONDS)};
	struct al_sender q = {.table = s->base.service->listen->senders,
	    .user = slice_of(s->user),
	    .sender = slice_of(s->transaction->sender)};

	if (!session_ask(&s->base, smtp_server.lookup, &r, &al_sender_schema, &q)) {
		defer_sender(s);
		return;
	}
	smtp_move(s, SMTP_SENDER_ASK);
}

/* What stands in the way of a transaction, answered; false: nothing may begin. */
static bool
may_begin(struct smtp_session *s, const struct smtp_command *c)
{
	const struct conf_listen *l = s->base.service->listen;
	const struct conf_global *g = &s->base.service->conf->global;

	if (smtp_server.is_draining)
		smtp_session_shut(s, "4.3.2", "the server is shutting down, try again later");
	else if (s->transaction != NULL)
		smtp_refuse(s, 503, "5.5.1", "a transaction is open already; RSET first");
	else if (s->helo == NULL)
		smtp_refuse(s, 503, "5.5.1", "say EHLO first");
	else if (l->tls == TLS_REQUIRED && !s->base.is_tls)
		smtp_reject(s, 530, "5.7.0", "say STARTTLS first");
	else if (l->auth == AUTH_REQUIRED && s->user == NULL)
		smtp_reject(s, 530, "5.7.0", "authenticate first");
	else if (s->messages >= g->max_mails)
		smtp_session_shut(s, "4.7.0", "enough messages for one session, connect again");
	else if (smtp_server.closed_code != 0)
		smtp_reject(s, smtp_server.closed_code, "", "%s", smtp_server.closed_text);
	else if (c->mail.size > g->max_message)
		smtp_reject(s, 552, "5.3.4", "the message is larger than %llu octets",
		    (unsigned long long)g->max_message);
	else
		return true;
	return false;
}

void
smtp_add_address(const struct smtp_session *s, const struct address *a, struct buf *out)
{
	address_format(out, a);
	if (a->domain.len == 0)
		buf_printf(out, "@%.*s", SLICE_FMT(s->base.service->conf->global.hostname));
}

void
smtp_command_mail(struct smtp_session *s, const struct smtp_command *c)
{
	struct buf sender = {0};

	if (!may_begin(s, c))
		return;
	if (!c->is_null)
		smtp_add_address(s, &c->path, &sender);
	s->transaction = smtp_transaction_new(buf_text(&sender));
	buf_fini(&sender);
	s->transaction->envid = slice_text(slice_of(c->mail.envid));
	s->transaction->ret = (uint8_t)c->mail.ret;
	if (s->user != NULL && s->base.service->listen->senders.len > 0)
		ask_sender(s);
	else
		accept_sender(s);
}
