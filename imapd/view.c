#include "imapd/view.h"

#include "common/base/ascii.h"
#include "common/base/mem.h"
#include "common/ipc/any_mailbox.h"
#include "common/ipc/packed.h"

#include <string.h>

/* COMPARED: octets of a set's keywords. RESERVED: messages, before any has come; no page of it is
 * used before they do. */
enum { COMPARED = 1024, RESERVED = 1024 * 1024 };

void
imap_view_fini(struct imap_view *v)
{
	for (size_t i = 0; i < v->set_count; i++)
		free(v->sets[i].text);
	free(v->sets);
	free(v->messages);
	buf_fini(&v->names);
	hash_fini(&v->known);
	buf_fini(&v->expected.keywords);
	*v = (struct imap_view){0};
}

/* The index of the first message with that UID or a higher one. */
static size_t
index_of(const struct imap_view *v, uint32_t uid)
{
	size_t low = 0, high = v->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (v->messages[middle].uid < uid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct imap_message *
imap_view_find(const struct imap_view *v, uint32_t uid)
{
	size_t at = index_of(v, uid);

	return at < v->count && v->messages[at].uid == uid ? &v->messages[at] : NULL;
}

static void
set_capacity(struct imap_view *v, size_t capacity)
{
	v->capacity = capacity;
	v->messages = mem_resize(v->messages, capacity * sizeof(v->messages[0]));
}

/* An array that grew as they come would leave its smaller ones in the process's memory. */
void
imap_view_reserve(struct imap_view *v, uint32_t most)
{
	if (most > v->capacity)
		set_capacity(v, most < RESERVED ? most : RESERVED);
}

void
imap_view_trim(struct imap_view *v)
{
	if (v->count < v->capacity)
		set_capacity(v, v->count > 0 ? v->count : 1);
}

static void
add_message(struct imap_view *v, uint32_t uid, uint32_t set, uint8_t flags)
{
	/* A UID below the last would move numbers that the client knows; there is none such. */
	if (v->count > 0 && uid < v->messages[v->count - 1].uid)
		return;
	if (v->count == v->capacity)
		set_capacity(v, v->capacity + v->capacity / 8 + 4);
	v->messages[v->count++] = (struct imap_message){.uid = uid, .set = set, .flags = flags};
	if (uid >= v->uidnext && uid < UINT32_MAX)
		v->uidnext = uid + 1;
}

/* Whether " name" is among the blank-led words of text, in any case. */
static bool
has_word(struct slice text, struct slice name)
{
	struct slice word;

	while (slice_word(&text, &word)) {
		if (slice_equal_nocase(word, name))
			return true;
	}
	return false;
}

static size_t
set_at(const struct imap_view *v, uint32_t set)
{
	size_t low = 0, high = v->set_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (v->sets[middle].set < set)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct slice
words_of(const struct imap_view *v, uint32_t set)
{
	size_t at = set_at(v, set);

	return at < v->set_count && v->sets[at].set == set ? slice_of(v->sets[at].text) : SLICE("");
}

/* Whether each of the words is in the text, but for those that are in except. */
static bool
are_in(struct slice words, struct slice text, struct slice except)
{
	struct slice word;

	while (slice_word(&words, &word)) {
		if (!has_word(text, word) && !has_word(except, word))
			return false;
	}
	return true;
}

/* Whether the silent STORE alone makes the second set of the first. Of sets as large as no client
 * has them nobody asks: what they are is told. */
static bool
follows(const struct imap_view *v, uint32_t before, uint32_t after)
{
	struct slice named = buf_slice(&v->expected.keywords), none = SLICE("");
	struct slice old = v->expected.mode == STORE_REPLACE ? none : words_of(v, before);
	struct slice new = words_of(v, after), word;

	if (old.len > COMPARED || new.len > COMPARED || named.len > COMPARED)
		return false;
	if (v->expected.mode != STORE_REMOVE)
		return are_in(old, new, none) && are_in(named, new, none) &&
		       are_in(new, old, named);
	while (slice_word(&named, &word)) {
		if (has_word(new, word))
			return false;
	}
	return are_in(new, old, none) && are_in(old, new, buf_slice(&v->expected.keywords));
}

/* The same for message after message, mostly: a comparison is made once. */
static bool
is_expected(struct imap_view *v, uint32_t before, uint32_t after)
{
	if (!v->expected.is_known || v->expected.before != before || v->expected.after != after) {
		v->expected.holds = follows(v, before, after);
		v->expected.before = before;
		v->expected.after = after;
		v->expected.is_known = true;
	}
	return v->expected.holds;
}

static void
add_words(struct slice list, struct buf *out)
{
	struct slice word;

	while (ipc_list_next(&list, &word)) {
		buf_add_char(out, ' ');
		buf_add_slice(out, word);
	}
}

void
imap_view_expect(struct imap_view *v, int mode, struct slice keywords)
{
	v->expected.mode = mode;
	v->expected.is_known = false;
	buf_clear(&v->expected.keywords);
	add_words(keywords, &v->expected.keywords);
}

static void
change_message(struct imap_view *v, struct imap_message *m, uint32_t set, uint8_t flags)
{
	bool is_same = m->marks & IMAP_EXPECTED ? is_expected(v, m->set, set) : m->set == set;
	uint8_t old = m->flags & (uint8_t)~FLAG_RECENT, fresh = flags & (uint8_t)~FLAG_RECENT;

	if (old != fresh || !is_same)
		m->marks |= IMAP_TELL;
	m->marks &= (uint8_t)~IMAP_EXPECTED;
	m->flags = fresh | ((m->flags | flags) & FLAG_RECENT);
	m->set = set;
}

void
imap_view_records(struct imap_view *v, struct slice records)
{
	struct am_record r;

	while (am_record_next(&records, &r)) {
		bool is_new = v->count == 0 || r.uid > v->messages[v->count - 1].uid;
		struct imap_message *m = is_new ? NULL : imap_view_find(v, r.uid);

		if (m == NULL)
			add_message(v, r.uid, r.set, r.flags);
		else
			change_message(v, m, r.set, r.flags);
	}
}

void
imap_view_gone(struct imap_view *v, struct slice uids)
{
	uint32_t uid;

	while (am_uid_next(&uids, &uid)) {
		struct imap_message *m = imap_view_find(v, uid);

		if (m == NULL)
			continue;
		m->marks |= IMAP_GONE;
		v->has_gone = true;
	}
}

/* Takes a keyword among the names, unless it is there in any case. */
static void
add_name(struct imap_view *v, struct slice name)
{
	char folded[LIMIT_KEYWORD + 1];
	struct slice key = slice_make(folded, name.len);

	if (v->name_count >= LIMIT_KEYWORDS || name.len > LIMIT_KEYWORD)
		return;
	for (size_t i = 0; i < name.len; i++)
		folded[i] = ascii_lower(name.data[i]);
	if (v->known.slots == NULL)
		hash_init(&v->known);
	if (hash_add(&v->known, key, v) != NULL)
		return;
	buf_add_char(&v->names, ' ');
	buf_add_slice(&v->names, name);
	v->name_count++;
	v->has_new_keywords = true;
}

/* What a set holds never changes. */
void
imap_view_keywords(struct imap_view *v, uint32_t set, struct slice list)
{
	size_t at = set_at(v, set);
	struct buf text = {0};
	struct slice name;

	if (at < v->set_count && v->sets[at].set == set)
		return;
	while (ipc_list_next(&list, &name)) {
		buf_add_char(&text, ' ');
		buf_add_slice(&text, name);
		add_name(v, name);
	}
	v->sets = mem_resize(v->sets, (v->set_count + 1) * sizeof(v->sets[0]));
	memmove(&v->sets[at + 1], &v->sets[at], (v->set_count - at) * sizeof(v->sets[0]));
	v->set_count++;
	v->sets[at] = (struct imap_keywords){set, slice_text(buf_slice(&text))};
	buf_fini(&text);
}

uint32_t
imap_view_newest_set(const struct imap_view *v)
{
	return v->set_count == 0 ? 0 : v->sets[v->set_count - 1].set;
}

size_t
imap_view_recent(const struct imap_view *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->count; i++)
		n += (v->messages[i].flags & FLAG_RECENT) != 0;
	return n;
}

static void
add_flags(struct buf *out, unsigned flags)
{
	static const struct {
		unsigned flag;
		const char *name;
	} names[] = {{FLAG_ANSWERED, " \\Answered"}, {FLAG_FLAGGED, " \\Flagged"},
	    {FLAG_DELETED, " \\Deleted"}, {FLAG_SEEN, " \\Seen"}, {FLAG_DRAFT, " \\Draft"},
	    {FLAG_RECENT, " \\Recent"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (flags & names[i].flag)
			buf_add_text(out, names[i].name);
	}
}

/* Puts a list together whose words each have a blank before them: the first blank goes. */
static void
close_list(struct buf *out, size_t open)
{
	if (out->len > open) {
		out->data[open] = '(';
		buf_add_char(out, ')');
	} else {
		buf_add_text(out, "()");
	}
}

void
imap_view_flags(const struct imap_view *v, const struct imap_message *m, struct buf *out)
{
	size_t open = out->len, at = set_at(v, m->set);

	add_flags(out, m->flags);
	if (m->set != 0 && at < v->set_count && v->sets[at].set == m->set)
		buf_add_text(out, v->sets[at].text);
	close_list(out, open);
}

void
imap_view_all_flags(const struct imap_view *v, bool star, struct buf *out)
{
	size_t open = out->len;

	add_flags(out, FLAG_ANSWERED | FLAG_FLAGGED | FLAG_DELETED | FLAG_SEEN | FLAG_DRAFT);
	buf_add_slice(out, buf_slice(&v->names));
	if (star)
		buf_add_text(out, " \\*");
	close_list(out, open);
}

bool
imap_view_resolve(const struct imap_view *v, struct imap_set *set, bool is_uid)
{
	size_t n = 0;

	if (!is_uid && imap_set_is_beyond(set, (uint32_t)v->count))
		return false;
	imap_set_resolve(set, !is_uid         ? (uint32_t)v->count
			      : v->count == 0 ? 0
					      : v->messages[v->count - 1].uid);
	for (size_t i = 0; i < set->count; i++) {
		struct imap_range r = set->ranges[i];
		size_t first = is_uid ? index_of(v, r.first) : r.first - 1, after;

		if (is_uid)
			after = r.last == UINT32_MAX ? v->count : index_of(v, r.last + 1);
		else
			after = r.last < v->count ? r.last : v->count;
		if (first < after)
			set->ranges[n++] =
			    (struct imap_range){(uint32_t)first, (uint32_t)(after - 1)};
	}
	set->count = n;
	return true;
}

void
imap_view_pack(const struct imap_view *v, const struct imap_range *indexes, struct buf *out)
{
	am_range_add(out, v->messages[indexes->first].uid, v->messages[indexes->last].uid);
}

bool
imap_view_pack_set(const struct imap_view *v, const struct imap_set *set, struct buf *out)
{
	if (set->count > IMAP_RANGES)
		return false;
	for (size_t i = 0; i < set->count; i++)
		imap_view_pack(v, &set->ranges[i], out);
	return true;
}
