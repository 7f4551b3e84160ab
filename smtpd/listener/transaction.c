#include "smtpd/listener/transaction.h"

#include "common/base/mem.h"
#include "common/ipc/listener_queue.h"
#include "smtpd/listener/session.h"

struct smtp_transaction *
smtp_transaction_new(const char *sender)
{
	struct smtp_transaction *t = mem_zero(sizeof(*t));

	t->sender = slice_text(slice_of(sender));
	smtp_message_init(&t->message);
	TAILQ_INIT(&t->recipients);
	return t;
}

static void
free_recipient(struct smtp_recipient *r)
{
	free(r->action);
	free(r->address);
	free(r->user);
	free(r->target);
	free(r->original);
	free(r->orcpt);
	free(r);
}

void
smtp_transaction_begin_rcpt(
    struct smtp_transaction *t, char *original, const struct smtp_rcpt *parameters)
{
	t->pending = (struct smtp_pending){.original = original,
	    .orcpt = slice_text(slice_of(parameters->orcpt)),
	    .notify = parameters->notify,
	    .mark = t->recipient_count};
}

void
smtp_transaction_end_rcpt(struct smtp_transaction *t)
{
	free(t->pending.original);
	free(t->pending.orcpt);
	t->pending = (struct smtp_pending){.original = NULL};
}

void
smtp_transaction_free(struct smtp_transaction *t)
{
	struct smtp_recipient *r;

	if (t == NULL)
		return;
	while ((r = TAILQ_FIRST(&t->recipients)) != NULL) {
		TAILQ_REMOVE(&t->recipients, r, link);
		free_recipient(r);
	}
	smtp_message_fini(&t->message, smtp_server.queue);
	smtp_transaction_end_rcpt(t);
	free(t->sender);
	free(t->envid);
	free(t);
}

bool
smtp_transaction_add(struct smtp_transaction *t, const struct al_recipient *a)
{
	struct smtp_recipient *r;

	if (t->recipient_count >= LIMIT_RECIPIENTS)
		return false;
	r = mem_zero(sizeof(*r));
	r->transport = a->transport;
	r->mailbox = a->mailbox;
	r->action = slice_text(a->action);
	r->address = slice_text(a->address);
	r->user = slice_text(a->user);
	r->target = slice_text(a->target);
	r->original = slice_text(slice_of(t->pending.original));
	r->orcpt = slice_text(slice_of(t->pending.orcpt));
	r->notify = t->pending.notify;
	TAILQ_INSERT_TAIL(&t->recipients, r, link);
	t->recipient_count++;
	return true;
}

struct al_recipient
smtp_transaction_newest(const struct smtp_transaction *t)
{
	const struct smtp_recipient *r = TAILQ_LAST(&t->recipients, smtp_recipients);

	return (struct al_recipient){.transport = r->transport,
	    .mailbox = r->mailbox,
	    .action = slice_of(r->action),
	    .address = slice_of(r->address),
	    .user = slice_of(r->user),
	    .target = slice_of(r->target)};
}

void
smtp_transaction_undo(struct smtp_transaction *t)
{
	struct smtp_recipient *r, *next;
	size_t n = 0;

	TAILQ_FOREACH_SAFE (r, &t->recipients, link, next) {
		if (n++ < t->pending.mark)
			continue;
		TAILQ_REMOVE(&t->recipients, r, link);
		free_recipient(r);
	}
	t->recipient_count = t->pending.mark;
}

static bool
send_recipients(const struct smtp_session *s)
{
	struct smtp_recipient *r;

	TAILQ_FOREACH (r, &s->transaction->recipients, link) {
		struct lq_rcpt m = {.transport = r->transport,
		    .mailbox = r->mailbox,
		    .notify = r->notify,
		    .action = slice_of(r->action),
		    .address = slice_of(r->address),
		    .user = slice_of(r->user),
		    .target = slice_of(r->target),
		    .original = slice_of(r->original),
		    .orcpt = slice_of(r->orcpt)};

		if (!lq_rcpt_send(s->base.asked, s->base.request, &m, -1))
			return false;
	}
	return true;
}

bool
smtp_transaction_send(struct smtp_session *s)
{
	struct smtp_transaction *t = s->transaction;
	char client[NETADDR_TEXT];
	struct lq_begin begin = {.message = t->id,
	    .sender = slice_of(t->sender),
	    .ret = t->ret,
	    .flags = t->message.data.has_8bit ? MESSAGE_8BIT : 0,
	    .envid = slice_of(t->envid),
	    .user = slice_of(s->user),
	    .helo = slice_of(s->helo),
	    .client = slice_of(netaddr_format(&s->base.peer, client))};

	return lq_begin_send(s->base.asked, s->base.request, &begin, -1) && send_recipients(s) &&
	       smtp_message_send(&t->message, s->base.asked, s->base.request);
}
