#include "imapd/search_key.h"

#include "common/base/limits.h"
#include "common/base/pack.h"
#include "common/base/utf8.h"
#include "common/ipc/any_mailbox.h"
#include "common/mail/date.h"
#include "common/mail/search.h"

enum { DEPTH = LIMIT_IMAP_NESTING - 4 }; /* what a key may add of its own is in the 4 */

struct parser {
	struct imap_parse *p;
	const struct imap_view *view;
	struct buf *program;
	unsigned nodes, texts;
	bool is_too_much;
};

enum argument { NOTHING, ASTRING, DAY, NUMBER, WORD, FIELD };

static const struct key {
	const char *name;
	enum argument argument;
	enum search_op op;
	bool is_not;
	uint8_t flag;
	const char *header;
} keys[] = {
    {"ANSWERED", NOTHING, SEARCH_FLAG, false, FLAG_ANSWERED, NULL},
    {"BCC", ASTRING, SEARCH_ENVELOPE, false, 0, "Bcc"},
    {"BEFORE", DAY, SEARCH_BEFORE, false, 0, NULL},
    {"BODY", ASTRING, SEARCH_BODY, false, 0, NULL},
    {"CC", ASTRING, SEARCH_ENVELOPE, false, 0, "Cc"},
    {"DELETED", NOTHING, SEARCH_FLAG, false, FLAG_DELETED, NULL},
    {"DRAFT", NOTHING, SEARCH_FLAG, false, FLAG_DRAFT, NULL},
    {"FLAGGED", NOTHING, SEARCH_FLAG, false, FLAG_FLAGGED, NULL},
    {"FROM", ASTRING, SEARCH_ENVELOPE, false, 0, "From"},
    {"HEADER", FIELD, SEARCH_HEADER, false, 0, NULL},
    {"KEYWORD", WORD, SEARCH_KEYWORD, false, 0, NULL},
    {"LARGER", NUMBER, SEARCH_LARGER, false, 0, NULL},
    {"ON", DAY, SEARCH_ON, false, 0, NULL},
    {"SEEN", NOTHING, SEARCH_FLAG, false, FLAG_SEEN, NULL},
    {"SENTBEFORE", DAY, SEARCH_SENTBEFORE, false, 0, NULL},
    {"SENTON", DAY, SEARCH_SENTON, false, 0, NULL},
    {"SENTSINCE", DAY, SEARCH_SENTSINCE, false, 0, NULL},
    {"SINCE", DAY, SEARCH_SINCE, false, 0, NULL},
    {"SMALLER", NUMBER, SEARCH_SMALLER, false, 0, NULL},
    {"SUBJECT", ASTRING, SEARCH_ENVELOPE, false, 0, "Subject"},
    {"TEXT", ASTRING, SEARCH_TEXT, false, 0, NULL},
    {"TO", ASTRING, SEARCH_ENVELOPE, false, 0, "To"},
    {"UNANSWERED", NOTHING, SEARCH_FLAG, true, FLAG_ANSWERED, NULL},
    {"UNDELETED", NOTHING, SEARCH_FLAG, true, FLAG_DELETED, NULL},
    {"UNDRAFT", NOTHING, SEARCH_FLAG, true, FLAG_DRAFT, NULL},
    {"UNFLAGGED", NOTHING, SEARCH_FLAG, true, FLAG_FLAGGED, NULL},
    {"UNKEYWORD", WORD, SEARCH_KEYWORD, true, 0, NULL},
    {"UNSEEN", NOTHING, SEARCH_FLAG, true, FLAG_SEEN, NULL},
};

static bool parse_key(struct parser *s, unsigned depth);

static bool
emit(struct parser *s, const struct search_node *node)
{
	search_pack(s->program, node);
	s->texts += search_looks_inside(node->op);
	s->is_too_much |= ++s->nodes > LIMIT_SEARCH_NODES || s->texts > LIMIT_SEARCH_TEXTS ||
			  s->program->len > AM_PROGRAM;
	return !s->is_too_much;
}

static bool
emit_not(struct parser *s)
{
	return emit(s, &(struct search_node){.op = SEARCH_NOT});
}

static bool
emit_everything(struct parser *s)
{
	return emit(s, &(struct search_node){.op = SEARCH_AND});
}

/* Recent is a property of this view, so mailbox is told the UIDs. */
static bool
emit_recent(struct parser *s)
{
	struct buf uids = {0};
	uint32_t n = (uint32_t)s->view->count;
	bool done;

	for (uint32_t i = 0; i < n; i++) {
		struct imap_range r = {i, i};

		if (!(s->view->messages[i].flags & FLAG_RECENT))
			continue;
		while (r.last + 1 < n && (s->view->messages[r.last + 1].flags & FLAG_RECENT))
			r.last++;
		imap_view_pack(s->view, &r, &uids);
		i = r.last;
	}
	done = emit(s, &(struct search_node){.op = SEARCH_UIDS, .text = buf_slice(&uids)});
	buf_fini(&uids);
	return done;
}

static bool
emit_set(struct parser *s, struct slice text, bool is_uid)
{
	struct imap_set set;
	struct buf uids = {0};
	bool done = false;

	if (!imap_set_parse(&set, text))
		return false;
	if (imap_view_resolve(s->view, &set, is_uid)) {
		for (size_t i = 0; i < set.count; i++)
			imap_view_pack(s->view, &set.ranges[i], &uids);
		done = emit(s, &(struct search_node){.op = SEARCH_UIDS, .text = buf_slice(&uids)});
	}
	buf_fini(&uids);
	imap_set_fini(&set);
	return done;
}

static bool
parse_text(struct parser *s, struct slice *text)
{
	return imap_parse_argument(s->p, text) && utf8_is_valid(*text) &&
	       text->len <= LIMIT_IMAP_LINE;
}

static bool
parse_day(struct parser *s, int64_t *midnight)
{
	struct slice text;

	return imap_parse_char(s->p, ' ') &&
	       (imap_parse_quoted(s->p, &text) || imap_parse_word(s->p, IMAP_ATOM, &text)) &&
	       date_day_parse(text, midnight);
}

static bool
parse_argument(struct parser *s, const struct key *key, struct search_node *node)
{
	int64_t midnight;

	switch (key->argument) {
	case NOTHING:
		node->number = key->flag;
		return true;
	case ASTRING:
		node->text = slice_of(key->header);
		return parse_text(s, key->header == NULL ? &node->text : &node->value);
	case FIELD:
		return parse_text(s, &node->text) && parse_text(s, &node->value);
	case WORD:
		return imap_parse_char(s->p, ' ') && imap_parse_word(s->p, IMAP_ATOM, &node->text);
	case NUMBER:
		return imap_parse_char(s->p, ' ') &&
		       imap_parse_number(s->p, UINT32_MAX, &node->number);
	case DAY:
		if (!parse_day(s, &midnight))
			return false;
		node->number = (uint64_t)midnight;
		return true;
	}
	return false;
}

static bool
take_key(struct parser *s, const struct key *key)
{
	struct search_node node = {.op = key->op};

	if (!parse_argument(s, key, &node) || (key->is_not && !emit_not(s)))
		return false;
	/* No field is without a name; to mailbox, none would mean any. */
	if (key->argument == FIELD && node.text.len == 0)
		return emit_not(s) && emit_everything(s);
	/* Every text holds the empty one; only HEADER with an empty text means something else. */
	if (key->argument == ASTRING && key->header == NULL && node.text.len == 0)
		return emit_everything(s);
	return emit(s, &node);
}

/* Keys that stand side by side all hold: AND, whose number is known only behind them. */
static bool
parse_all(struct parser *s, unsigned depth)
{
	size_t at = s->program->len, count = 0;

	if (!emit_everything(s))
		return false;
	do {
		if (!parse_key(s, depth + 1))
			return false;
		count++;
	} while (imap_parse_char(s->p, ' '));
	pack_at(s->program->data + at + 1, 2, count);
	return true;
}

/* Keys that hold others, and those that depend on the view. */
static bool
parse_compound(struct parser *s, struct slice name, unsigned depth)
{
	struct slice set;

	if (slice_equal_text_nocase(name, "ALL"))
		return emit_everything(s);
	if (slice_equal_text_nocase(name, "NOT"))
		return emit_not(s) && imap_parse_char(s->p, ' ') && parse_key(s, depth + 1);
	if (slice_equal_text_nocase(name, "OR"))
		return emit(s, &(struct search_node){.op = SEARCH_OR}) &&
		       imap_parse_char(s->p, ' ') && parse_key(s, depth + 1) &&
		       imap_parse_char(s->p, ' ') && parse_key(s, depth + 1);
	if (slice_equal_text_nocase(name, "RECENT"))
		return emit_recent(s);
	if (slice_equal_text_nocase(name, "OLD"))
		return emit_not(s) && emit_recent(s);
	if (slice_equal_text_nocase(name, "NEW"))
		return emit(s, &(struct search_node){.op = SEARCH_AND, .number = 2}) &&
		       emit_recent(s) && emit_not(s) &&
		       emit(s, &(struct search_node){.op = SEARCH_FLAG, .number = FLAG_SEEN});
	return slice_equal_text_nocase(name, "UID") && imap_parse_char(s->p, ' ') &&
	       imap_parse_word(s->p, IMAP_NUMBERS, &set) && emit_set(s, set, true);
}

static bool
parse_key(struct parser *s, unsigned depth)
{
	struct slice word;

	if (depth > DEPTH)
		return false;
	if (imap_parse_char(s->p, '('))
		return parse_all(s, depth + 1) && imap_parse_char(s->p, ')');
	if (imap_parse_word(s->p, IMAP_NUMBERS, &word))
		return emit_set(s, word, false);
	if (!imap_parse_word(s->p, IMAP_ATOM, &word))
		return false;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (slice_equal_text_nocase(word, keys[i].name))
			return take_key(s, &keys[i]);
	}
	return parse_compound(s, word, depth);
}

enum imap_search_result
imap_search_parse(struct imap_parse *p, const struct imap_view *view, struct buf *program)
{
	struct parser s = {.p = p, .view = view, .program = program};
	struct slice charset;

	if (imap_parse_keyword(p, "CHARSET")) {
		if (!imap_parse_argument(p, &charset))
			return IMAP_SEARCH_BAD;
		if (!slice_equal_text_nocase(charset, "UTF-8") &&
		    !slice_equal_text_nocase(charset, "US-ASCII"))
			return IMAP_SEARCH_CHARSET;
		if (!imap_parse_char(p, ' '))
			return IMAP_SEARCH_BAD;
	}
	if (!parse_all(&s, 0) || !imap_parse_is_end(p))
		return s.is_too_much ? IMAP_SEARCH_TOO_LONG : IMAP_SEARCH_BAD;
	return search_is_valid(buf_slice(program)) ? IMAP_SEARCH_OK : IMAP_SEARCH_BAD;
}
