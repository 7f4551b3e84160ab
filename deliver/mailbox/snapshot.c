/*
 * Invariants:
 * 1. A snapshot holds what stood in the store at its modseq, or later: to read again what changed
 *    since then does no harm.
 * 2. All of them take at most LIMIT_SNAPSHOTS octets; the longest unused goes first. They end with
 *    the open store, for a store that broke forgets what they know.
 */
#include "deliver/mailbox/snapshot.h"

#include "common/base/mem.h"
#include "common/base/pack.h"
#include "deliver/mailbox/store/message.h"

#include <string.h>

/* Small mailboxes are read quickly, and so are few changes. LAG: in changes of the account, how
 * long one is kept, and what it needs to be refreshed, that nobody uses. */
enum { LEAST = 500 * AM_RECORD, FEW = 1000, LAG = 1000, MODSEQ_AT = 4, SET_AT = 12, FLAGS_AT = 16 };

/* In the place of flags, until the record is taken out. */
enum { GONE = 0xff };

struct snapshot {
	LIST_ENTRY(snapshot) link; /* of the account */
	TAILQ_ENTRY(snapshot) use; /* of all */
	struct account *account;
	uint64_t mailbox, modseq;
	struct buf records;
};

static TAILQ_HEAD(, snapshot) all = TAILQ_HEAD_INITIALIZER(all); /* the longest unused first */
static size_t octets;

static void
record_write(char out[AM_RECORD], const struct store_message *m)
{
	pack_at(out, 4, m->uid);
	pack_at(out + MODSEQ_AT, 8, m->modseq);
	pack_at(out + SET_AT, 4, m->set);
	pack_at(out + FLAGS_AT, 1, m->flags);
}

void
record_add(struct buf *records, const struct store_message *m)
{
	record_write(buf_room(records, AM_RECORD), m);
	buf_grew(records, AM_RECORD);
}

uint32_t
record_uid(const char *record)
{
	return (uint32_t)unpack_at(record, 4);
}

struct slice
records_from(struct slice records, uint32_t uid)
{
	size_t low = 0, high = records.len / AM_RECORD;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (record_uid(records.data + middle * AM_RECORD) < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return slice_from(records, low * AM_RECORD);
}

static void
snapshot_free(struct snapshot *s)
{
	octets -= s->records.capacity;
	LIST_REMOVE(s, link);
	TAILQ_REMOVE(&all, s, use);
	buf_fini(&s->records);
	free(s);
}

void
snapshots_forget(struct account *a)
{
	struct snapshot *s;

	while ((s = LIST_FIRST(&a->snapshots)) != NULL)
		snapshot_free(s);
}

/* The place of the first record whose uid is not below. */
static char *
place_of(const struct snapshot *s, uint32_t uid)
{
	return s->records.data + s->records.len - records_from(buf_slice(&s->records), uid).len;
}

static bool
is_at(const struct snapshot *s, const char *place, uint32_t uid)
{
	return place < s->records.data + s->records.len && record_uid(place) == uid;
}

/* UIDs only ascend, so what is not there yet comes last. */
static bool
take_changed(void *owner, const struct store_message *m)
{
	struct snapshot *s = owner;
	char *place = s->records.len == 0 ? NULL : place_of(s, m->uid);

	if (place != NULL && is_at(s, place, m->uid))
		record_write(place, m);
	else
		record_add(&s->records, m);
	return true;
}

struct losses {
	struct snapshot *snapshot;
	unsigned count;
};

static bool
mark_gone(void *owner, uint32_t uid)
{
	struct losses *l = owner;
	char *place = l->snapshot->records.len == 0 ? NULL : place_of(l->snapshot, uid);

	if (place != NULL && is_at(l->snapshot, place, uid)) {
		place[FLAGS_AT] = (char)GONE;
		l->count++;
	}
	return true;
}

static void
take_out_gone(struct buf *records)
{
	size_t kept = 0;

	for (size_t at = 0; at < records->len; at += AM_RECORD) {
		if ((unsigned char)records->data[at + FLAGS_AT] == GONE)
			continue;
		if (kept != at)
			memcpy(records->data + kept, records->data + at, AM_RECORD);
		kept += AM_RECORD;
	}
	records->len = kept;
}

/* False when so much changed that reading all is as quick. */
static bool
refresh(struct snapshot *s)
{
	struct store *store = &s->account->store;
	struct losses losses = {.snapshot = s};
	struct store_gone from = {.modseq = s->modseq, .uid = UINT32_MAX};
	unsigned errors = db_errors(store->db);

	if (s->modseq == store->modseq)
		return true;
	if (!store_few_changed(store, s->mailbox, s->modseq, FEW))
		return false;
	octets -= s->records.capacity;
	/* A UID that came and went since then is among the gone alone, and marks nothing. */
	store_each_changed(store, s->mailbox, s->modseq, take_changed, s);
	store_each_gone(store, s->mailbox, &from, mark_gone, &losses);
	if (losses.count > 0)
		take_out_gone(&s->records);
	octets += s->records.capacity;
	s->modseq = store->modseq;
	return db_errors(store->db) == errors;
}

static struct snapshot *
find(struct account *a, uint64_t mailbox)
{
	struct snapshot *s;

	LIST_FOREACH (s, &a->snapshots, link) {
		if (s->mailbox == mailbox)
			return s;
	}
	return NULL;
}

/* But for that one. */
static void
make_room(const struct snapshot *s)
{
	while (octets > LIMIT_SNAPSHOTS && TAILQ_FIRST(&all) != s)
		snapshot_free(TAILQ_FIRST(&all));
}

bool
snapshot_find(struct account *a, uint64_t mailbox, struct slice *records)
{
	struct snapshot *s = find(a, mailbox);

	if (s == NULL)
		return false;
	if (!refresh(s) || s->records.len < LEAST) {
		snapshot_free(s);
		return false;
	}
	TAILQ_REMOVE(&all, s, use);
	TAILQ_INSERT_TAIL(&all, s, use);
	make_room(s);
	*records = buf_slice(&s->records);
	return true;
}

uint64_t
snapshot_known(struct account *a, uint64_t mailbox, uint64_t known)
{
	struct snapshot *s = find(a, mailbox);

	if (s == NULL || s->modseq >= known)
		return known;
	if (known - s->modseq <= LAG)
		return s->modseq;
	snapshot_free(s);
	return known;
}

void
snapshot_keep(struct account *a, uint64_t mailbox, uint64_t modseq, struct buf *records)
{
	struct snapshot *s = find(a, mailbox);

	if (s != NULL)
		snapshot_free(s);
	if (records->len < LEAST || records->capacity > LIMIT_SNAPSHOTS) {
		buf_fini(records);
		return;
	}
	s = mem_zero(sizeof(*s));
	s->account = a;
	s->mailbox = mailbox;
	s->modseq = modseq;
	s->records = *records;
	s->records.data = mem_resize(s->records.data, s->records.len);
	s->records.capacity = s->records.len;
	*records = (struct buf){0};
	octets += s->records.capacity;
	LIST_INSERT_HEAD(&a->snapshots, s, link);
	TAILQ_INSERT_TAIL(&all, s, use);
	make_room(s);
}
