#include "deliver/mailbox/verb/reply.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/ipc/any_mailbox.h"

#define NOT_DURABLE "the change could not be made durable"

struct waiting {
	LIST_ENTRY(waiting) link;
	struct account *account;
	struct channel *channel; /* NULL: gone */
	uint32_t id;
	const struct ipc_schema *done, *failed;
	struct buf packed; /* the two messages, ready to be unpacked and sent */
	size_t done_octets;
};

static LIST_HEAD(, waiting) waitings = LIST_HEAD_INITIALIZER(waitings);

void
reply_no(struct channel *c, uint32_t id, enum am_code code, const char *text)
{
	struct am_no m = {.code = (uint8_t)code, .text = slice_of(text)};

	am_no_send(c, id, &m, -1);
}

void
reply_misread(struct channel *c, uint32_t id, const struct store *s)
{
	log_error("%s", db_failure(s->db));
	reply_no(c, id, AM_TEMPORARY, "the mailbox cannot be read now");
}

void
reply_ok(struct channel *c, uint32_t id, uint64_t modseq)
{
	struct am_ok m = {.modseq = modseq};

	am_ok_send(c, id, &m, -1);
}

void
reply_result(struct channel *c, uint32_t id, enum store_result r)
{
	switch (r) {
	case STORE_OK:
		reply_ok(c, id, 0);
		return;
	case STORE_NONE:
		reply_no(c, id, AM_NONEXISTENT, "there is no such mailbox");
		return;
	case STORE_EXISTS:
		reply_no(c, id, AM_ALREADYEXISTS, "there is such a mailbox already");
		return;
	case STORE_CANNOT:
		reply_no(c, id, AM_CANNOT, "that cannot be done to this mailbox");
		return;
	case STORE_FULL:
		reply_no(c, id, AM_OVERQUOTA, "there is no room on the disk");
		return;
	case STORE_LIMIT:
		reply_no(c, id, AM_LIMIT, "there are too many already");
		return;
	case STORE_BROKEN:
		reply_no(c, id, AM_TEMPORARY, "the mail store cannot do that now");
		return;
	}
}

static void
send(struct waiting *w, const struct ipc_schema *schema, struct slice packed)
{
	_Alignas(max_align_t) unsigned char room[1024];

	if (ipc_unpack(packed, schema, room) == NULL)
		channel_send(w->channel, schema, w->id, room, -1);
}

static void
on_durable(void *owner, bool ok)
{
	struct waiting *w = owner;
	struct slice packed = buf_slice(&w->packed);

	LIST_REMOVE(w, link);
	if (w->channel != NULL && ok)
		send(w, w->done, slice_sub(packed, 0, w->done_octets));
	else if (w->channel != NULL)
		send(w, w->failed, slice_from(packed, w->done_octets));
	account_release(w->account);
	buf_fini(&w->packed);
	free(w);
}

static struct waiting *
waiting_new(struct account *a, struct channel *c, uint32_t id, struct reply done,
    const struct reply *failed)
{
	static const struct am_no no = {
	    .code = AM_TEMPORARY, .text = {NOT_DURABLE, sizeof(NOT_DURABLE) - 1}};
	static const struct reply refusal = {&am_no_schema, &no};
	struct waiting *w = mem_zero(sizeof(*w));

	w->account = a;
	account_hold(a);
	w->channel = c;
	w->id = id;
	w->done = done.schema;
	failed = failed == NULL ? &refusal : failed;
	w->failed = failed->schema;
	ipc_pack(&w->packed, done.schema, done.message);
	w->done_octets = w->packed.len;
	ipc_pack(&w->packed, failed->schema, failed->message);
	LIST_INSERT_HEAD(&waitings, w, link);
	return w;
}

void
reply_durable(struct account *a, struct channel *c, uint32_t id, struct reply done,
    const struct reply *failed)
{
	commit_wait(a->store.commit, on_durable, waiting_new(a, c, id, done, failed));
}

void
reply_delivered(struct account *a, struct channel *c, uint32_t id, struct reply done,
    const struct reply *failed)
{
	commit_wait_patiently(a->store.commit, on_durable, waiting_new(a, c, id, done, failed));
}

void
replies_forget(struct channel *c)
{
	struct waiting *w;

	LIST_FOREACH (w, &waitings, link) {
		if (w->channel == c)
			w->channel = NULL;
	}
}
