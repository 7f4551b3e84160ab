/*
 * FETCH in batches that the asker pulls, and the spool files of large APPENDs. A fetch keeps its
 * place between batches as the ranges that are left.
 */
#include "common/base/mem.h"
#include "deliver/mailbox/range.h"
#include "deliver/mailbox/verb.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { BATCH_OCTETS = 256 * 1024, SPOOLS_MOST = 200 };

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
	uint8_t want;
	size_t sent; /* octets of this batch */
};

struct spool {
	LIST_ENTRY(spool) link;
	struct channel *channel;
	uint32_t id;
	int fd;
};

static struct hash fetches;
static LIST_HEAD(, spool) spools = LIST_HEAD_INITIALIZER(spools);
static uint32_t next_spool;
static int spool_count;

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

static bool
send_one(void *owner, const struct store_message *message)
{
	struct fetch *f = owner;
	struct store *s = &f->handle->account->store;
	struct am_message out = {.uid = message->uid, .date = message->date, .size = message->size};
	struct store_index index = {0};
	struct buf octets = {0};
	uint64_t size = 0;
	int fd = -1;

	if (f->want & (WANT_ENVELOPE | WANT_STRUCTURE | WANT_BODY | WANT_HEADER))
		store_index(s, message->body, &index);
	if (f->want & WANT_ENVELOPE)
		out.envelope = buf_slice(&index.envelope);
	if (f->want & (WANT_STRUCTURE | WANT_BODY))
		out.structure =
		    buf_slice(f->want & WANT_STRUCTURE ? &index.structure : &index.basic);
	if (f->want & (WANT_HEADER | WANT_OCTETS))
		store_body_read(s, message->body, &octets, &fd, &size);
	out.octets = buf_slice(&octets);
	if ((f->want & WANT_HEADER) && !(f->want & WANT_OCTETS) && fd < 0)
		out.octets = slice_sub(out.octets, 0, (size_t)index.header_size);
	f->sent += 100 + out.envelope.len + out.structure.len + out.octets.len;
	am_message_send(f->key.channel, (uint32_t)f->key.id, &out, fd);
	buf_fini(&octets);
	store_index_fini(&index);
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

	if (h->viewed == 0 || !account_resume(h->account, &why)) {
		reply_no(c, id, AM_TEMPORARY, "the mailbox is not open any more");
		end(f);
		return;
	}
	f->sent = 0;
	if (!cursor_walk(&f->cursor, &h->account->store, h->viewed, send_one, f)) {
		am_batch_send(c, id, &batch, -1);
		return;
	}
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

void
verb_spool(void *owner, struct ipc_message *m)
{
	struct handle *h = verb_handle_of(m, ((const struct am_spool *)m->body)->handle);
	struct am_spooled out = {.spool = ++next_spool};
	char path[1200];
	struct spool *s;
	int fd = -1, theirs;

	if (h == NULL)
		return;
	if (spool_count >= SPOOLS_MOST) {
		reply_no(
		    m->channel, m->id, AM_TEMPORARY, "no more large messages can be taken now");
		return;
	}
	snprintf(path, sizeof(path), "%s/spool-%08x%08x", h->account->store.folder, arc4random(),
	    arc4random());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	theirs = fd < 0 ? -1 : open(path, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	if (theirs < 0) {
		if (fd >= 0)
			close(fd);
		reply_no(m->channel, m->id, AM_OVERQUOTA, "there is no room on the disk");
		return;
	}
	s = mem_zero(sizeof(*s));
	s->channel = m->channel;
	s->id = out.spool;
	s->fd = fd;
	LIST_INSERT_HEAD(&spools, s, link);
	spool_count++;
	am_spooled_send(m->channel, m->id, &out, theirs);
}

int
spool_take(struct channel *c, uint32_t id)
{
	struct spool *s;
	int fd;

	LIST_FOREACH (s, &spools, link) {
		if (s->channel == c && s->id == id)
			break;
	}
	if (s == NULL)
		return -1;
	fd = s->fd;
	LIST_REMOVE(s, link);
	spool_count--;
	free(s);
	return fd;
}

void
spools_forget(struct channel *c)
{
	struct spool *s, *next;

	LIST_FOREACH_SAFE (s, &spools, link, next) {
		if (s->channel == c)
			close(spool_take(c, s->id));
	}
}
