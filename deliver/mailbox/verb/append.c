/*
 * APPEND. A large message, which imapd wrote into a file (spool.c), gets its file in the pool
 * before the change that names it: a job, which ends with the handle. A small one is done at once.
 */
#include "common/base/mem.h"
#include "common/mail/line_end.h"
#include "deliver/mailbox/feed.h"
#include "deliver/mailbox/search/signer.h"
#include "deliver/mailbox/store/body_file.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/message.h"
#include "deliver/mailbox/verb/job.h"
#include "deliver/mailbox/verb/spool.h"
#include "deliver/mailbox/verb/verb.h"

struct appending {
	struct job job;
	struct account *account;
	struct buf octets; /* a small message; a large one is in spool_fd */
	int spool_fd;
	struct body_file file;
	bool is_pooled; /* the file was begun */
	char name[LIMIT_MAILBOX_NAME + 1];
	struct buf keywords;
	int64_t date;
	uint8_t flags;
};

static void
on_file(void *owner)
{
	struct appending *a = owner;

	job_resume(&a->job);
}

/* False, and an answer: there is no room for it. */
static bool
begin_file(struct appending *a, uint64_t size)
{
	if (!store_has_room(&a->account->store, size)) {
		reply_result(a->job.channel, a->job.id, STORE_FULL);
		return false;
	}
	a->is_pooled = true;
	body_file_begin(&a->file, a->account);
	return true;
}

static enum store_result
add(struct appending *a, struct store_mailbox *box, uint32_t *uid)
{
	struct store_new n = {.octets = buf_slice(&a->octets),
	    .size = a->octets.len,
	    .date = a->date,
	    .flags = a->flags,
	    .keywords = buf_slice(&a->keywords)};
	enum store_result r = a->is_pooled ? body_file_result(&a->file) : STORE_OK;

	if (r != STORE_OK)
		return r;
	if (a->is_pooled)
		body_file_describe(&a->file, &n);
	r = store_add(&a->account->store, box, &n, uid);
	if (r == STORE_OK && a->is_pooled)
		body_file_take(&a->file);
	return r;
}

static void
finish(struct appending *a, struct store_mailbox *box)
{
	struct am_appended done = {.uidvalidity = box->uidvalidity};
	enum store_result r = add(a, box, &done.uid);

	if (r != STORE_OK) {
		reply_result(a->job.channel, a->job.id, r);
		return;
	}
	reply_durable(a->account, a->job.channel, a->job.id,
	    (struct reply){&am_appended_schema, &done}, NULL);
	signer_add(a->account);
	feed_changed(a->account, box->id, false);
}

/* The mailbox is looked for before the file is made and after it: it may be gone by then. */
static enum job_state
append_slice(struct job *j)
{
	struct appending *a = (struct appending *)j;
	struct ipc_message m = {.channel = j->channel, .id = j->id};
	uint64_t size = a->spool_fd >= 0 ? a->file.fd_size : a->octets.len;
	struct store_mailbox box;

	if (!verb_named(&m, j->handle, slice_of(a->name), AM_TRYCREATE, &box))
		return JOB_DONE;
	if (size > LIMIT_INLINE && !a->is_pooled)
		return begin_file(a, size) ? JOB_POOLED : JOB_DONE;
	finish(a, &box);
	return JOB_DONE;
}

static void
append_fini(struct job *j)
{
	struct appending *a = (struct appending *)j;

	if (a->spool_fd >= 0)
		spool_close(a->account, a->spool_fd);
	body_file_fini(&a->file);
	buf_fini(&a->octets);
	buf_fini(&a->keywords);
	free(a);
}

static struct appending *
appending_new(struct account *account, const struct am_append *q, int spool_fd)
{
	struct appending *a = mem_zero(sizeof(*a));

	a->job.slice = append_slice;
	a->job.fini = append_fini;
	a->account = account;
	a->spool_fd = spool_fd;
	a->date = q->date;
	a->flags = q->flags;
	slice_copy(q->name, a->name, sizeof(a->name));
	buf_add_slice(&a->keywords, q->keywords);
	return a;
}

/* Its lines end in CR LF from here on: POP3 tells sizes of messages that it sends so. False: what
 * is in the file is not what was said. */
static bool
fill(struct appending *a, const struct am_append *q)
{
	struct buf read = {0};
	struct slice octets = q->octets;
	bool ok = true;

	a->file.fd = -1;
	if (a->spool_fd >= 0 && q->size > LIMIT_INLINE) {
		a->file.fd = a->spool_fd;
		a->file.fd_size = q->size;
		a->file.mends_lines = true;
	} else {
		if (a->spool_fd >= 0) {
			ok = buf_add_file(&read, a->spool_fd, q->size);
			octets = buf_slice(&read);
			spool_close(a->account, a->spool_fd);
			a->spool_fd = -1;
		}
		if (line_end_is_bare(octets))
			line_end_mend(&a->octets, octets);
		else
			buf_add_slice(&a->octets, octets);
		a->file.octets = buf_slice(&a->octets);
	}
	buf_fini(&read);
	a->file.done = on_file;
	a->file.owner = a;
	return ok;
}

void
verb_append(void *owner, struct ipc_message *m)
{
	const struct am_append *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct appending *a;
	int fd;

	if (h == NULL)
		return;
	fd = spool_take(h, q->spool);
	if (q->spool == 0 ? q->octets.len != q->size : fd < 0) {
		channel_violation(m->channel, "size");
		return;
	}
	a = appending_new(h->account, q, fd);
	if (fill(a, q)) {
		job_start(&a->job, h, m);
		return;
	}
	append_fini(&a->job);
	reply_result(m->channel, m->id, STORE_BROKEN);
}
