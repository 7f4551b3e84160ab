/* A SEARCH program over the messages of a mailbox: what needs no body first, bodies only when
 * asked. */
#include "common/mail/search.h"

#include "common/mail/charset.h"
#include "common/mail/header.h"
#include "common/mail/mime.h"
#include "common/mail/word.h"
#include "deliver/mailbox/server.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DAY = 86400 };

/* A message under examination; index and octets are read when first needed. */
struct candidate {
	struct store *store;
	const struct store_message *m;
	struct store_index index;
	struct buf octets;
	struct slice message;
	void *map;
	bool has_index, has_octets;
};

static void
load_index(struct candidate *c)
{
	if (!c->has_index)
		store_index(c->store, c->m->body, &c->index);
	c->has_index = true;
}

static void
load_octets(struct candidate *c)
{
	uint64_t size = 0;
	int fd = -1;

	if (c->has_octets)
		return;
	c->has_octets = true;
	c->map = MAP_FAILED;
	if (!store_body_read(c->store, c->m->body, &c->octets, &fd, &size))
		return;
	c->message = buf_slice(&c->octets);
	if (fd < 0)
		return;
	c->map = mmap(NULL, (size_t)size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (c->map != MAP_FAILED)
		c->message = slice_make(c->map, (size_t)size);
}

static void
unload(struct candidate *c)
{
	if (c->has_octets && c->map != MAP_FAILED)
		munmap(c->map, c->message.len);
	buf_fini(&c->octets);
	if (c->has_index)
		store_index_fini(&c->index);
}

/* Whether text holds what, both folded for comparison. */
static bool
holds(struct slice text, struct slice what)
{
	struct buf folded = {0}, wanted = {0};
	bool found;

	charset_casemap(text, &folded);
	charset_casemap(what, &wanted);
	found = slice_search(buf_slice(&folded), buf_slice(&wanted)) >= 0;
	buf_fini(&folded);
	buf_fini(&wanted);
	return found;
}

static bool
header_holds(struct slice message, const struct search_node *n)
{
	struct header_walk walk = header_walk(message);
	struct header_field f;

	while (header_next(&walk, &f)) {
		struct buf text = {0};
		bool found;

		if (n->text.len > 0 && !slice_equal_nocase(f.name, n->text))
			continue;
		word_decode(f.value, &text);
		found = holds(buf_slice(&text), n->value);
		buf_fini(&text);
		if (found)
			return true;
	}
	return false;
}

static bool
body_holds(struct slice message, struct slice what)
{
	struct mime mime;
	bool found = false;

	mime_init(&mime, message);
	for (size_t i = 0; i < mime.count && !found; i++) {
		struct buf text = {0};

		if (mime.parts[i].kind != MIME_LEAF)
			continue;
		decode_all(mime.parts[i].encoding, mime_body(&mime, (uint32_t)i), &text);
		found = holds(buf_slice(&text), what);
		buf_fini(&text);
	}
	mime_fini(&mime);
	return found;
}

static bool
in_ranges(struct slice ranges, uint32_t uid)
{
	uint32_t first, last;

	while (range_next(&ranges, &first, &last)) {
		if (uid >= first && uid <= last)
			return true;
	}
	return false;
}

static bool
has_keyword(struct candidate *c, struct slice keyword)
{
	struct buf words = {0};
	struct slice rest, word;
	bool found = false;

	store_set_keywords(c->store, c->m->set, &words);
	rest = buf_slice(&words);
	while (!found && ipc_list_next(&rest, &word))
		found = slice_equal_nocase(word, keyword);
	buf_fini(&words);
	return found;
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
		day = c->m->date - c->m->date % DAY;
	}
	if (n->op == SEARCH_BEFORE || n->op == SEARCH_SENTBEFORE)
		return day < wanted;
	if (n->op == SEARCH_ON || n->op == SEARCH_SENTON)
		return day == wanted;
	return day >= wanted;
}

static bool
leaf(struct candidate *c, const struct search_node *n)
{
	struct search_node any = {.value = n->text};

	switch (n->op) {
	case SEARCH_FLAG:
		return (c->m->flags & n->number) != 0;
	case SEARCH_KEYWORD:
		return has_keyword(c, n->text);
	case SEARCH_UIDS:
		return in_ranges(n->text, c->m->uid);
	case SEARCH_LARGER:
		return c->m->size > n->number;
	case SEARCH_SMALLER:
		return c->m->size < n->number;
	case SEARCH_MODSEQ:
		return c->m->modseq >= n->number;
	case SEARCH_HEADER:
		load_octets(c);
		return header_holds(c->message, n);
	case SEARCH_BODY:
		load_octets(c);
		return body_holds(c->message, n->text);
	case SEARCH_TEXT:
		load_octets(c);
		return header_holds(c->message, &any) || body_holds(c->message, n->text);
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

struct searching {
	struct store *store;
	struct slice program;
	struct buf *uids;
};

static bool
on_message(void *owner, const struct store_message *m)
{
	struct searching *s = owner;
	struct candidate c = {.store = s->store, .m = m};
	struct slice program = s->program;

	if (run(&c, &program, false))
		range_add(s->uids, m->uid);
	unload(&c);
	return true;
}

void
search_run(
    struct store *s, uint64_t mailbox, struct slice ranges, struct slice program, struct buf *uids)
{
	struct searching searching = {.store = s, .program = program, .uids = uids};
	uint32_t first, last;

	while (range_next(&ranges, &first, &last))
		store_each(s, mailbox, first, last, 0, on_message, &searching);
}
