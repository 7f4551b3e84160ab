/*
 * Invariant: what queue is told the size of is what it gets: trace fields and body, whether
 * they travel inline or lie in the spool file.
 */
#include "smtpd/listener/transaction.h"

#include "common/base/mem.h"
#include "common/base/whole.h"
#include "common/ipc/any_lookup.h"
#include "common/ipc/listener_queue.h"
#include "smtpd/listener/session.h"

#include <unistd.h>

struct smtp_transaction *
smtp_transaction_new(const char *sender)
{
	struct smtp_transaction *t = mem_zero(sizeof(*t));

	t->sender = slice_text(slice_of(sender));
	t->spool = -1;
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

/* Queue keeps the file for us until it is handed over or dropped. */
static void
drop_spool(const struct smtp_transaction *t)
{
	struct lq_drop drop = {.spool = t->spool_id};

	if (t->spool_id != 0)
		lq_drop_send(smtp_server.queue, 0, &drop, -1);
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
	drop_spool(t);
	if (t->spool >= 0)
		close(t->spool);
	free(t->sender);
	free(t->envid);
	free(t->pending_original);
	free(t->pending_orcpt);
	buf_fini(&t->octets);
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
	r->original = slice_text(slice_of(t->pending_original));
	r->orcpt = slice_text(slice_of(t->pending_orcpt));
	r->notify = t->pending_notify;
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
		if (n++ < t->mark)
			continue;
		TAILQ_REMOVE(&t->recipients, r, link);
		free_recipient(r);
	}
	t->recipient_count = t->mark;
}

void
smtp_transaction_lose_spool(struct smtp_transaction *t)
{
	if (t->spool_id == 0)
		return;
	close(t->spool);
	t->spool = -1;
	t->spool_id = 0;
	t->spool_failed = true;
	buf_clear(&t->octets);
}

void
smtp_transaction_spill(struct smtp_transaction *t)
{
	t->spool_failed = t->spool_failed || !whole_write(t->spool, buf_slice(&t->octets));
	t->spooled += t->octets.len;
	buf_clear(&t->octets);
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
	struct lq_begin begin = {.message = t->message,
	    .sender = slice_of(t->sender),
	    .ret = t->ret,
	    .flags = t->body.has_8bit ? MESSAGE_8BIT : 0,
	    .envid = slice_of(t->envid),
	    .user = slice_of(s->user),
	    .helo = slice_of(s->helo),
	    .client = slice_of(netaddr_format(&s->base.peer, client))};
	struct lq_commit commit = {.spool = t->spool_id, .size = t->spooled + t->octets.len};

	if (!lq_begin_send(s->base.asked, s->base.request, &begin, -1) || !send_recipients(s))
		return false;
	if (t->spool_id == 0) {
		struct lq_body body = {.octets = buf_slice(&t->octets)};

		if (!lq_body_send(s->base.asked, s->base.request, &body, -1))
			return false;
	}
	if (!lq_commit_send(s->base.asked, s->base.request, &commit, -1))
		return false;
	t->spool_id = 0;
	return true;
}
