/* Answers that wait until a change is durable, and refusals in words. */
#include "common/base/mem.h"
#include "deliver/mailbox/server.h"

struct waiting {
	LIST_ENTRY(waiting) link;
	struct account *account;
	struct channel *channel; /* NULL: gone */
	uint32_t id;
	const struct ipc_schema *schema;
	struct buf packed; /* the message, ready to be unpacked and sent */
};

static LIST_HEAD(, waiting) waitings = LIST_HEAD_INITIALIZER(waitings);

void
reply_no(struct channel *c, uint32_t id, enum am_code code, const char *text)
{
	struct am_no m = {.code = (uint8_t)code, .text = slice_of(text)};

	am_no_send(c, id, &m, -1);
}

void
reply_result(struct channel *c, uint32_t id, enum store_result r)
{
	struct am_ok ok = {0};

	switch (r) {
	case STORE_OK:
		am_ok_send(c, id, &ok, -1);
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
on_durable(void *owner, bool ok)
{
	struct waiting *w = owner;
	_Alignas(max_align_t) unsigned char room[1024];

	LIST_REMOVE(w, link);
	if (w->channel != NULL && ok && ipc_unpack(buf_slice(&w->packed), w->schema, room) == NULL)
		channel_send(w->channel, w->schema, w->id, room, -1);
	else if (w->channel != NULL)
		reply_no(w->channel, w->id, AM_TEMPORARY, "the change could not be made durable");
	account_release(w->account);
	buf_fini(&w->packed);
	free(w);
}

void
reply_durable(struct account *a, struct channel *c, uint32_t id, const struct ipc_schema *schema,
    const void *message)
{
	struct waiting *w = mem_zero(sizeof(*w));

	w->account = a;
	a->uses++;
	w->channel = c;
	w->id = id;
	w->schema = schema;
	ipc_pack(&w->packed, schema, message);
	LIST_INSERT_HEAD(&waitings, w, link);
	commit_wait(a->store.commit, on_durable, w);
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
