/*
 * FETCH in batches that the asker pulls. A fetch keeps its place between batches as the ranges that
 * are left. A message that cannot be read is left out, and the answer at the end says so: nobody
 * may take it for an empty one.
 */
#include "deliver/mailbox/verb/fetch.h"

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "deliver/mailbox/store/beside.h"
#include "deliver/mailbox/store/body.h"
#include "deliver/mailbox/store/index.h"
#include "deliver/mailbox/store/message.h"
#include "deliver/mailbox/verb/cursor.h"
#include "deliver/mailbox/verb/verb.h"

/* A file counts as much: of descriptors, which a slow client keeps open at imapd, there are few. */
enum { BATCH_OCTETS = 256 * 1024, FILE_OCTETS = BATCH_OCTETS / 16 };

/* What names a fetch in am_more. */
struct fetch_key {
	struct channel *channel;
	uint64_t id;
};

struct fetch {
	LIST_ENTRY(fetch) link; /* of the handle */
	struct fetch_key key;
	struct handle *handle;
	struct cursor cursor;
	struct store_beside beside; /* in a batch: the indexes of its messages */
	uint8_t want;
	size_t sent;     /* octets of this batch */
	uint32_t unread; /* messages that could not be read */
};

static struct hash fetches;

static void
end(struct fetch *f)
{
	LIST_REMOVE(f, link);
	hash_remove(&fetches, HASH_NUMBER(f->key));
	cursor_fini(&f->cursor);
	free(f);
}

void
fetches_forget(struct handle *h)
{
	while (!LIST_EMPTY(&h->fetches))
		end(LIST_FIRST(&h->fetches));
}

/* Whether the asker has to make an envelope or a structure itself, for the one kept may be cut. */
static bool
is_cut(unsigned want, const struct store_index *i)
{
	return ((want & WANT_ENVELOPE) && i->envelope.len > AM_INDEX_WHOLE) ||
	       ((want & (WANT_STRUCTURE | WANT_BODY)) && i->structure.len > AM_INDEX_WHOLE);
}

/* What of a message was asked for. False: it cannot be read. */
static bool
load(struct fetch *f, const struct store_message *message, struct store_index *index,
    struct buf *octets, int *fd)
{
	struct store *s = &f->handle->account->store;
	uint64_t size;

	if ((f->want & (WANT_ENVELOPE | WANT_STRUCTURE | WANT_BODY | WANT_HEADER)) != 0 &&
	    !store_index_beside(s, &f->beside, message->body, index)) {
		log_error("%s: what is told of body %llu cannot be read", s->folder,
		    (unsigned long long)message->body);
		return false;
	}
	return ((f->want & (WANT_HEADER | WANT_OCTETS)) == 0 && !is_cut(f->want, index)) ||
	       store_body_read(s, message->body, octets, fd, &size);
}

static bool
send_one(void *owner, const struct store_message *message)
{
	struct fetch *f = owner;
	struct am_message out = {.uid = message->uid, .date = message->date, .size = message->size};
	struct store_index index = {0};
	struct buf octets = {0};
	int fd = -1;

	if (!load(f, message, &index, &octets, &fd)) {
		f->unread++;
	} else {
		if (f->want & WANT_ENVELOPE)
			out.envelope = index.envelope;
		if (f->want & (WANT_STRUCTURE | WANT_BODY))
			out.structure = f->want & WANT_STRUCTURE ? index.structure : index.basic;
		out.octets = buf_slice(&octets);
		if ((f->want & WANT_HEADER) && !(f->want & WANT_OCTETS) && fd < 0 &&
		    !is_cut(f->want, &index))
			out.octets = slice_sub(out.octets, 0, (size_t)index.header_size);
		am_message_send(f->key.channel, (uint32_t)f->key.id, &out, fd);
	}
	f->sent += 100 + out.envelope.len + out.structure.len + out.octets.len;
	f->sent += fd >= 0 ? FILE_OCTETS : 0;
	buf_fini(&octets);
	return f->sent < BATCH_OCTETS;
}

static void
go_on(struct fetch *f)
{
	struct handle *h = f->handle;
	struct channel *c = f->key.channel;
	uint32_t id = (uint32_t)f->key.id;
	struct am_batch batch = {0};
	struct error why = {""};
	unsigned errors;
	bool is_last;

	if (h->viewed == 0 || !account_resume(h->account, &why)) {
		reply_no(c, id, AM_TEMPORARY, "the mailbox is not open any more");
		end(f);
		return;
	}
	f->sent = 0;
	errors = db_errors(h->account->store.db);
	is_last = cursor_walk(&f->cursor, &h->account->store, h->viewed, send_one, f);
	store_beside_end(&f->beside);
	if (!is_last) {
		am_batch_send(c, id, &batch, -1);
		return;
	}
	if (f->unread == 0 && db_errors(h->account->store.db) != errors)
		reply_misread(c, id, &h->account->store);
	else if (f->unread > 0)
		reply_no(c, id, AM_CORRUPTION, "some of it cannot be read: the log says what");
	else
		reply_ok(c, id, h->account->store.modseq);
	end(f);
}

void
verb_fetch(void *owner, struct ipc_message *m)
{
	const struct am_fetch *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct fetch_key key = {.channel = m->channel, .id = m->id};
	struct fetch *f = hash_find(&fetches, HASH_NUMBER(key));

	if (h == NULL)
		return;
	/* One whose asker went away in the middle, long ago. */
	if (f != NULL)
		end(f);
	if (fetches.count >= LIMIT_REQUESTS) {
		reply_no(m->channel, m->id, AM_TEMPORARY, "too much is going on now");
		return;
	}
	if (fetches.slots == NULL)
		hash_init(&fetches);
	f = mem_zero(sizeof(*f));
	f->key = key;
	f->handle = h;
	f->want = q->want;
	cursor_init(&f->cursor, q->uids);
	LIST_INSERT_HEAD(&h->fetches, f, link);
	hash_add(&fetches, HASH_NUMBER(f->key), f);
	go_on(f);
}

void
verb_more(void *owner, struct ipc_message *m)
{
	struct fetch_key key = {.channel = m->channel, .id = m->id};
	struct fetch *f = hash_find(&fetches, HASH_NUMBER(key));

	if (f != NULL)
		go_on(f);
}
