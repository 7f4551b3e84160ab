/*
 * A SEARCH program over the messages of a mailbox, in slices: what needs no body first, bodies only
 * when asked, in the pool where that takes long. What it finds goes out as it is found. A body that
 * was read leaves its signature, by which the next search knows whether it has to be read at all.
 */
#include "common/base/mem.h"
#include "common/ipc/packed.h"
#include "common/mail/date.h"
#include "common/mail/search.h"
#include "common/net/loop.h"
#include "deliver/mailbox/search/signature.h"
#include "deliver/mailbox/search/text.h"
#include "deliver/mailbox/store/beside.h"
#include "deliver/mailbox/store/index.h"
#include "deliver/mailbox/store/keyword.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/message.h"
#include "deliver/mailbox/store/octets.h"
#include "deliver/mailbox/store/signature.h"
#include "deliver/mailbox/verb/cursor.h"
#include "deliver/mailbox/verb/job.h"
#include "deliver/mailbox/verb/verb.h"

/* LONG: octets that are gone through, each once for each key, before that is for the pool. */
enum { BATCH = 60000, LONG = 4 * LIMIT_INLINE };

/* A message under examination; what is not in its row is read when first needed. */
struct candidate {
	struct store *store;
	struct store_beside *signatures;
	const struct search_needles *needles;
	struct store_message m;
	struct store_index index;
	struct octets octets;
	struct buf words, signature;
	bool has_index, has_octets, has_words;
	bool has_signature, is_signed; /* it was looked for; it is there */
	bool is_new;                   /* the signature was made here */
	bool in_pool;                  /* all was read; the store is out of reach */
	bool wants_pool; /* what it says depends on the body, which would take too long here */
};

static void
load_index(struct candidate *c)
{
	if (!c->has_index)
		store_index(c->store, c->m.body, &c->index);
	c->has_index = true;
}

static void
load_words(struct candidate *c)
{
	if (!c->has_words)
		store_set_keywords(c->store, c->m.set, &c->words);
	c->has_words = true;
}

static void
load_signature(struct candidate *c)
{
	struct slice bits;

	if (!c->has_signature && store_signature(c->store, c->signatures, c->m.body, &bits)) {
		buf_add_slice(&c->signature, bits);
		c->is_signed = true;
	}
	c->has_signature = true;
}

static void
load_octets(struct candidate *c)
{
	if (!c->has_octets)
		octets_load(&c->octets, c->store, c->m.body);
	c->has_octets = true;
}

static void
unload(struct candidate *c)
{
	octets_fini(&c->octets);
	buf_fini(&c->words);
	buf_fini(&c->signature);
	if (c->has_index)
		store_index_fini(&c->index);
	*c = (struct candidate){.store = NULL};
}

static bool
in_ranges(struct slice ranges, uint32_t uid)
{
	uint32_t first, last;

	while (am_range_next(&ranges, &first, &last)) {
		if (uid >= first && uid <= last)
			return true;
	}
	return false;
}

static bool
has_keyword(struct candidate *c, struct slice keyword)
{
	struct slice rest, word;

	load_words(c);
	rest = buf_slice(&c->words);
	while (ipc_list_next(&rest, &word)) {
		if (slice_equal_nocase(word, keyword))
			return true;
	}
	return false;
}

static bool
is_date(struct candidate *c, const struct search_node *n)
{
	int64_t day, wanted = (int64_t)n->number;

	if (n->op == SEARCH_SENTBEFORE || n->op == SEARCH_SENTON || n->op == SEARCH_SENTSINCE) {
		load_index(c);
		day = c->index.sent;
		if (day == INT64_MIN)
			return false;
	} else {
		day = date_day((struct date){.seconds = c->m.date});
	}
	if (n->op == SEARCH_BEFORE || n->op == SEARCH_SENTBEFORE)
		return day < wanted;
	if (n->op == SEARCH_ON || n->op == SEARCH_SENTON)
		return day == wanted;
	return day >= wanted;
}

/* Large ones are in files, which are read there in any case. */
static bool
takes_long(const struct candidate *c)
{
	return c->m.size > LIMIT_INLINE || c->m.size * c->needles->count > LONG;
}

/* Reads the message, and signs it if nobody has. */
static void
examine(struct candidate *c)
{
	load_octets(c);
	if (c->is_signed || c->octets.all.len == 0)
		return;
	load_index(c);
	search_signature(c->octets.all, c->index.envelope, &c->signature);
	c->is_signed = c->is_new = true;
}

/* A key that looks at the message itself. FROM and its kin ask for what the envelope has; HEADER
 * for any field of the name, and for what the envelope leaves out of it (RFC 3501 6.4.4). */
static bool
octets_leaf(struct candidate *c, const struct search_node *n)
{
	bool is_field = n->op == SEARCH_HEADER || n->op == SEARCH_ENVELOPE;
	struct slice needle = search_needle(c->needles, is_field ? n->value : n->text);
	bool known = false, found = false;

	load_signature(c);
	if (c->is_signed && !signature_may_hold(buf_slice(&c->signature), needle))
		return false;
	if (is_field) {
		load_index(c);
		found = search_envelope_holds(c->index.envelope, n->text, n->value, needle, &known);
	}
	if (found || (known && n->op == SEARCH_ENVELOPE))
		return found;
	if (takes_long(c) && !c->in_pool) {
		c->wants_pool = true;
		return false;
	}
	examine(c);
	if (c->is_new && !signature_may_hold(buf_slice(&c->signature), needle))
		return false;
	if (is_field)
		return search_header_holds(c->octets.all, n->text, needle);
	return n->op == SEARCH_TEXT ? search_message_holds(c->octets.all, needle)
				    : search_body_holds(c->octets.all, needle);
}

static bool
leaf(struct candidate *c, const struct search_node *n)
{
	switch (n->op) {
	case SEARCH_FLAG:
		return (c->m.flags & n->number) != 0;
	case SEARCH_KEYWORD:
		return has_keyword(c, n->text);
	case SEARCH_UIDS:
		return in_ranges(n->text, c->m.uid);
	case SEARCH_LARGER:
		return c->m.size > n->number;
	case SEARCH_SMALLER:
		return c->m.size < n->number;
	case SEARCH_MODSEQ:
		return c->m.modseq >= n->number;
	case SEARCH_HEADER:
	case SEARCH_ENVELOPE:
	case SEARCH_BODY:
	case SEARCH_TEXT:
		return octets_leaf(c, n);
	case SEARCH_BEFORE:
	case SEARCH_ON:
	case SEARCH_SINCE:
	case SEARCH_SENTBEFORE:
	case SEARCH_SENTON:
	case SEARCH_SENTSINCE:
		return is_date(c, n);
	case SEARCH_AND:
	case SEARCH_OR:
	case SEARCH_NOT:
		break;
	}
	return false;
}

/* The depth was bounded by search_is_valid(). What is decided already is only skipped over. */
static bool
run(struct candidate *c, struct slice *program, bool decided)
{
	struct search_node n;
	bool result;

	if (!search_unpack(program, &n))
		return false;
	if (n.op == SEARCH_AND) {
		result = true;
		for (uint64_t i = 0; i < n.number; i++)
			result &= run(c, program, decided || !result);
		return result;
	}
	if (n.op == SEARCH_OR) {
		result = run(c, program, decided);
		return run(c, program, decided || result) || result;
	}
	if (n.op == SEARCH_NOT)
		return !run(c, program, decided);
	return decided ? false : leaf(c, &n);
}

struct search {
	struct job job;
	uint64_t mailbox;
	struct cursor cursor;
	struct buf program, uids;
	struct search_needles needles;
	struct store_beside signatures;
	struct candidate candidate;
	bool is_match;
};

static struct store *
store_of(const struct search *s)
{
	return &s->job.handle->account->store;
}

static void
send_found(struct search *s)
{
	struct am_found found = {.uids = buf_slice(&s->uids)};

	if (s->uids.len > 0)
		am_found_send(s->job.channel, s->job.id, &found, -1);
	buf_clear(&s->uids);
}

/* Takes the judgement on the candidate. */
static void
settle(struct search *s)
{
	if (s->is_match)
		am_uid_add(&s->uids, s->candidate.m.uid);
	/* While it was in the pool, the store may have been closed. */
	if (s->candidate.is_new && s->job.handle->account->is_open)
		store_put_signature(
		    store_of(s), s->mailbox, &s->candidate.m, buf_slice(&s->candidate.signature));
	unload(&s->candidate);
	if (s->uids.len >= BATCH)
		send_found(s);
}

static bool
on_message(void *owner, const struct store_message *m)
{
	struct search *s = owner;
	struct candidate *c = &s->candidate;
	struct slice program = buf_slice(&s->program);

	*c = (struct candidate){
	    .store = store_of(s), .signatures = &s->signatures, .needles = &s->needles, .m = *m};
	s->is_match = run(c, &program, false);
	if (c->wants_pool)
		return false;
	settle(s);
	return !job_is_over_time();
}

static void
judge_in_pool(void *arg)
{
	struct search *s = arg;
	struct slice program = buf_slice(&s->program);

	octets_check(&s->candidate.octets);
	s->is_match = run(&s->candidate, &program, false);
}

static void
on_judged(void *arg)
{
	struct search *s = arg;

	if (s->job.handle != NULL)
		settle(s);
	job_resume(&s->job);
}

static enum job_state
judge_later(struct search *s)
{
	struct candidate *c = &s->candidate;

	load_index(c);
	load_words(c);
	load_octets(c);
	c->in_pool = true;
	work_start_long(judge_in_pool, on_judged, s);
	return JOB_POOLED;
}

static enum job_state
search_slice(struct job *j)
{
	struct search *s = (struct search *)j;
	struct store_mailbox box;
	bool is_whole;

	if (!verb_still_views(j->channel, j->id, j->handle, s->mailbox, &box))
		return JOB_DONE;
	is_whole = cursor_walk(&s->cursor, store_of(s), s->mailbox, on_message, s);
	store_beside_end(&s->signatures);
	if (!is_whole)
		return s->candidate.wants_pool ? judge_later(s) : JOB_MORE;
	send_found(s);
	if (job_has_misread(j))
		reply_misread(j->channel, j->id, store_of(s));
	else
		reply_ok(j->channel, j->id, store_of(s)->modseq);
	return JOB_DONE;
}

static void
search_fini(struct job *j)
{
	struct search *s = (struct search *)j;

	unload(&s->candidate);
	cursor_fini(&s->cursor);
	search_needles_fini(&s->needles);
	buf_fini(&s->program);
	buf_fini(&s->uids);
	free(s);
}

void
verb_search(void *owner, struct ipc_message *m)
{
	const struct am_search *q = m->body;
	struct handle *h = verb_handle_of(m, q->handle);
	struct store_mailbox box;
	struct search *s;

	if (h == NULL || !verb_viewed(m, h, &box))
		return;
	if (!search_is_valid(q->program)) {
		channel_violation(m->channel, "program");
		return;
	}
	s = mem_zero(sizeof(*s));
	s->job.slice = search_slice;
	s->job.fini = search_fini;
	s->mailbox = box.id;
	cursor_init(&s->cursor, q->uids);
	buf_add_slice(&s->program, q->program);
	search_needles_init(&s->needles, buf_slice(&s->program));
	job_start(&s->job, h, m);
}
