/*
 * FETCH in batches that the asker pulls, and the spool files of large APPENDs. A fetch keeps its
 * place between batches as the ranges that are left.
 */
#include "common/base/mem.h"
#include "deliver/mailbox/verb.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { BATCH_OCTETS = 256 * 1024, SPOOLS_MOST = 200 };

struct fetch {
	LIST_ENTRY(fetch) link;
	struct channel *channel;
	uint32_t id, handle;
	uint8_t want;
	struct buf ranges;
	uint32_t from; /* of the first range: uids below were sent */
	size_t sent;   /* octets of this batch */
};

struct spool {
	LIST_ENTRY(spool) link;
	struct channel *channel;
	uint32_t id;
	int fd;
};

static LIST_HEAD(, fetch) fetches = LIST_HEAD_INITIALIZER(fetches);
static LIST_HEAD(, spool) spools = LIST_HEAD_INITIALIZER(spools);
static uint32_t next_spool;
static int spool_count;

static void
end(struct fetch *f)
{
	LIST_REMOVE(f, link);
	buf_fini(&f->ranges);
	free(f);
}

struct sending {
	struct fetch *fetch;
	struct store *store;
	bool is_full;
};

static bool
send_one(void *owner, const struct store_message *message)
{
	struct sending *s = owner;
	struct fetch *f = s->fetch;
	struct am_message out = {.uid = message->uid, .date = message->date, .size = message->size};
	struct store_index index = {0};
	struct buf octets = {0};
	uint64_t size = 0;
	int fd = -1;

	if (s->is_full)
		return false;
	f->from = message->uid + 1;
	if (f->want & (WANT_ENVELOPE | WANT_STRUCTURE | WANT_BODY | WANT_HEADER))
		store_index(s->store, message->body, &index);
	if (f->want & WANT_ENVELOPE)
		out.envelope = buf_slice(&index.envelope);
	if (f->want & (WANT_STRUCTURE | WANT_BODY))
		out.structure =
		    buf_slice(f->want & WANT_STRUCTURE ? &index.structure : &index.basic);
	if (f->want & (WANT_HEADER | WANT_OCTETS))
		store_body_read(s->store, message->body, &octets, &fd, &size);
	out.octets = buf_slice(&octets);
	if ((f->want & WANT_HEADER) && !(f->want & WANT_OCTETS) && fd < 0)
		out.octets = slice_sub(out.octets, 0, (size_t)index.header_size);
	f->sent += 100 + out.envelope.len + out.structure.len + out.octets.len;
	am_message_send(f->channel, f->id, &out, fd);
	buf_fini(&octets);
	store_index_fini(&index);
	s->is_full = f->sent >= BATCH_OCTETS;
	return !s->is_full;
}

static void
go_on(struct fetch *f)
{
	struct handle *h = handle_find(f->channel, f->handle);
	struct sending s = {.fetch = f};
	struct am_batch batch = {0};
	struct am_ok ok = {0};

	if (h == NULL || h->viewed == 0) {
		reply_no(f->channel, f->id, AM_TEMPORARY, "the mailbox is not open any more");
		end(f);
		return;
	}
	s.store = &h->account->store;
	f->sent = 0;
	while (!s.is_full && f->ranges.len >= 8) {
		struct slice rest = buf_slice(&f->ranges);
		uint32_t first, last;

		range_next(&rest, &first, &last);
		first = f->from > first ? f->from : first;
		if (first <= last && first != 0)
			store_each(s.store, h->viewed, first, last, 0, send_one, &s);
		if (!s.is_full || f->from > last || f->from == 0) {
			buf_consume(&f->ranges, 8);
		}
	}
	if (f->ranges.len >= 8) {
		am_batch_send(f->channel, f->id, &batch, -1);
		return;
	}
	ok.modseq = s.store->modseq;
	am_ok_send(f->channel, f->id, &ok, -1);
	end(f);
}

void
fetch_begin(void *owner, struct ipc_message *m)
{
	const struct am_fetch *q = m->body;
	struct fetch *f = mem_zero(sizeof(*f));

	f->channel = m->channel;
	f->id = m->id;
	f->handle = q->handle;
	f->want = q->want;
	buf_add_slice(&f->ranges, q->uids);
	LIST_INSERT_HEAD(&fetches, f, link);
	go_on(f);
}

void
fetch_more(void *owner, struct ipc_message *m)
{
	struct fetch *f;

	LIST_FOREACH (f, &fetches, link) {
		if (f->channel == m->channel && f->id == m->id)
			break;
	}
	if (f != NULL)
		go_on(f);
}

void
spool_begin(void *owner, struct ipc_message *m)
{
	struct handle *h = handle_find(m->channel, ((const struct am_spool *)m->body)->handle);
	struct am_spooled out = {.spool = ++next_spool};
	char path[1200];
	struct spool *s;
	int fd = -1, theirs;

	if (h == NULL || spool_count >= SPOOLS_MOST) {
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
	struct fetch *f, *after;

	LIST_FOREACH_SAFE (s, &spools, link, next) {
		if (s->channel == c)
			close(spool_take(c, s->id));
	}
	LIST_FOREACH_SAFE (f, &fetches, link, after) {
		if (f->channel == c)
			end(f);
	}
}
