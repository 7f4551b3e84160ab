/*
 * DELETE. The mailbox is gone at once, for everybody; its messages go in slices. What is left of
 * them when the asker goes first is taken out when nobody asks for anything (search/signer.h).
 */
#include "common/base/mem.h"
#include "deliver/mailbox/feed.h"
#include "deliver/mailbox/search/signer.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/verb/job.h"
#include "deliver/mailbox/verb/verb.h"

struct removing {
	struct job job;
	uint64_t mailbox; /* 0: not removed yet */
	bool is_left;     /* some of its messages are there still */
	char name[STORE_NAME];
};

static bool
remove_mailbox(struct removing *v)
{
	struct account *a = v->job.handle->account;
	enum store_result r = store_remove(&a->store, v->name, &v->mailbox);

	if (r == STORE_OK)
		feed_changed(a, v->mailbox, true);
	else
		reply_result(v->job.channel, v->job.id, r);
	return r == STORE_OK;
}

static enum job_state
remove_slice(struct job *j)
{
	struct removing *v = (struct removing *)j;
	struct account *a = j->handle->account;
	struct am_ok ok = {0};
	enum store_result r;
	bool is_empty;

	if (v->mailbox == 0 && !remove_mailbox(v))
		return JOB_DONE;
	do
		r = store_empty_removed(&a->store, v->mailbox, &is_empty);
	while (r == STORE_OK && !is_empty && !job_is_over_time());
	v->is_left = r != STORE_OK || !is_empty;
	if (r == STORE_OK && !is_empty) {
		commit_soon(a->store.commit);
		return JOB_MORE;
	}
	ok.modseq = a->store.modseq;
	reply_durable(a, j->channel, j->id, (struct reply){&am_ok_schema, &ok}, NULL);
	return JOB_DONE;
}

static void
remove_fini(struct job *j)
{
	struct removing *v = (struct removing *)j;

	if (v->is_left && j->handle->account->is_open)
		signer_add(j->handle->account);
	free(v);
}

void
verb_remove(void *owner, struct ipc_message *m)
{
	const struct am_remove *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct removing *v;

	if (h == NULL)
		return;
	v = mem_zero(sizeof(*v));
	v->job.slice = remove_slice;
	v->job.fini = remove_fini;
	verb_fold_name(q->name, v->name);
	job_start(&v->job, h, m);
}
