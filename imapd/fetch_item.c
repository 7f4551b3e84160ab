#include "imapd/fetch_item.h"

#include "common/base/ascii.h"
#include "common/base/limits.h"
#include "common/base/mem.h"
#include "common/ipc/any_mailbox.h"
#include "common/mail/header.h"
#include "common/mail/imap_string.h"

#include <stdlib.h>
#include <string.h>

static const struct simple {
	const char *name;
	enum imap_item item;
	unsigned wants;
} simples[] = {
    {"UID", IMAP_ITEM_UID, 0},
    {"FLAGS", IMAP_ITEM_FLAGS, 0},
    {"INTERNALDATE", IMAP_ITEM_DATE, WANT_DATE},
    {"RFC822.SIZE", IMAP_ITEM_SIZE, WANT_SIZE},
    {"ENVELOPE", IMAP_ITEM_ENVELOPE, WANT_ENVELOPE},
    {"BODYSTRUCTURE", IMAP_ITEM_STRUCTURE, WANT_STRUCTURE},
};

static const struct {
	const char *name;
	enum imap_text text;
	bool is_peek;
} olds[] = {
    {"RFC822", IMAP_WHOLE, false},
    {"RFC822.HEADER", IMAP_HEADER, true},
    {"RFC822.TEXT", IMAP_TEXT, false},
};

static const struct {
	const char *name;
	const char *items[5];
} macros[] = {
    {"ALL", {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"}},
    {"FAST", {"FLAGS", "INTERNALDATE", "RFC822.SIZE"}},
    {"FULL", {"FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"}},
};

static struct imap_fetch_item *
add_item(struct imap_fetch_items *items, enum imap_item item, unsigned wants)
{
	if (items->count == LIMIT_FETCH_ITEMS)
		return NULL;
	items->wants |= wants;
	items->items[items->count] = (struct imap_fetch_item){.item = item};
	return &items->items[items->count++];
}

static bool
add_simple(struct imap_fetch_items *items, struct slice name)
{
	for (size_t i = 0; i < sizeof(simples) / sizeof(simples[0]); i++) {
		if (slice_equal_text_nocase(name, simples[i].name))
			return add_item(items, simples[i].item, simples[i].wants) != NULL;
	}
	return slice_equal_text_nocase(name, "BODY") &&
	       add_item(items, IMAP_ITEM_BODY, WANT_BODY) != NULL;
}

static void
add_wants(struct imap_fetch_items *items, const struct imap_section *s)
{
	bool is_header = s->part.len == 0 && (s->text == IMAP_HEADER || s->text == IMAP_FIELDS ||
						 s->text == IMAP_FIELDS_NOT);

	items->wants |= is_header ? WANT_HEADER : WANT_OCTETS;
	items->sets_seen |= !s->is_peek;
}

static bool
add_old(struct imap_fetch_items *items, struct slice name)
{
	for (size_t i = 0; i < sizeof(olds) / sizeof(olds[0]); i++) {
		struct imap_fetch_item *it;

		if (!slice_equal_text_nocase(name, olds[i].name))
			continue;
		it = add_item(items, IMAP_ITEM_SECTION, 0);
		if (it == NULL)
			return false;
		it->section.text = olds[i].text;
		it->section.is_peek = olds[i].is_peek;
		it->section.label = olds[i].name;
		add_wants(items, &it->section);
		return true;
	}
	return false;
}

/* A header field's name: printing characters without the colon. */
static bool
is_field_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		if (name.data[i] <= ' ' || name.data[i] >= 0x7f || name.data[i] == ':')
			return false;
	}
	return name.len > 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	int order = (x->len > y->len) - (x->len < y->len);

	for (size_t i = 0; order == 0 && i < x->len; i++)
		order = ascii_lower(x->data[i]) - ascii_lower(y->data[i]);
	return order;
}

static bool
parse_names(struct imap_parse *p, struct imap_section *s)
{
	size_t capacity = 0;

	if (!imap_parse_char(p, ' ') || !imap_parse_char(p, '('))
		return false;
	do {
		struct slice name;

		if (!imap_parse_astring(p, IMAP_ASTRING, &name) || !is_field_name(name) ||
		    s->name_count == LIMIT_FETCH_FIELDS)
			return false;
		if (s->name_count == capacity) {
			capacity = capacity == 0 ? 16 : 2 * capacity;
			s->names = mem_resize(s->names, capacity * sizeof(s->names[0]));
		}
		s->names[s->name_count++] = name;
	} while (imap_parse_char(p, ' '));
	s->sorted = mem_array(s->name_count, sizeof(s->sorted[0]));
	memcpy(s->sorted, s->names, s->name_count * sizeof(s->sorted[0]));
	qsort(s->sorted, s->name_count, sizeof(s->sorted[0]), by_name);
	return imap_parse_char(p, ')');
}

/* The numbers of a part: "1.2", and the dot after them when a text's name follows. */
static bool
parse_part(struct imap_parse *p, struct slice *part, bool *has_text)
{
	char *start = p->at;
	unsigned depth = 0;
	uint64_t n;

	*part = slice_make(start, 0);
	*has_text = true;
	while (imap_parse_number(p, UINT32_MAX, &n)) {
		if (n == 0 || ++depth > LIMIT_MIME_DEPTH)
			return false;
		*part = slice_make(start, (size_t)(p->at - start));
		*has_text = imap_parse_char(p, '.');
		if (!*has_text)
			return true;
	}
	return true;
}

static bool
parse_text_name(struct imap_parse *p, struct imap_section *s)
{
	static const struct {
		const char *name;
		enum imap_text text;
	} texts[] = {{"HEADER.FIELDS.NOT", IMAP_FIELDS_NOT}, {"HEADER.FIELDS", IMAP_FIELDS},
	    {"HEADER", IMAP_HEADER}, {"TEXT", IMAP_TEXT}, {"MIME", IMAP_MIME}};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!imap_parse_keyword(p, texts[i].name))
			continue;
		s->text = texts[i].text;
		if (s->text == IMAP_MIME && s->part.len == 0)
			return false;
		return (s->text != IMAP_FIELDS && s->text != IMAP_FIELDS_NOT) || parse_names(p, s);
	}
	return false;
}

static bool
parse_partial(struct imap_parse *p, struct imap_section *s)
{
	uint64_t from, octets;

	if (!imap_parse_char(p, '<'))
		return true;
	if (!imap_parse_number(p, UINT32_MAX, &from) || !imap_parse_char(p, '.') ||
	    !imap_parse_number(p, UINT32_MAX, &octets) || octets == 0 || !imap_parse_char(p, '>'))
		return false;
	s->is_partial = true;
	s->from = (uint32_t)from;
	s->octets = (uint32_t)octets;
	return true;
}

/* Behind "BODY[" or "BODY.PEEK[". */
static bool
parse_section(struct imap_parse *p, struct imap_fetch_items *items, bool is_peek)
{
	struct imap_fetch_item *it = add_item(items, IMAP_ITEM_SECTION, 0);
	struct imap_section *s = it == NULL ? NULL : &it->section;
	bool has_text;

	if (s == NULL)
		return false;
	s->is_peek = is_peek;
	if (!imap_parse_char(p, ']')) {
		if (!parse_part(p, &s->part, &has_text) || (has_text && !parse_text_name(p, s)) ||
		    !imap_parse_char(p, ']'))
			return false;
	}
	add_wants(items, s);
	return parse_partial(p, s);
}

static bool
parse_item(struct imap_parse *p, struct imap_fetch_items *items)
{
	char *start = p->at;
	struct slice word;

	/* An atom may hold "[", so the name of a section ends there. */
	while (p->at < p->end && (ascii_is_alnum(*p->at) || *p->at == '.'))
		p->at++;
	word = slice_make(start, (size_t)(p->at - start));
	if (imap_parse_char(p, '[')) {
		bool is_peek = slice_equal_text_nocase(word, "BODY.PEEK");

		return (is_peek || slice_equal_text_nocase(word, "BODY")) &&
		       parse_section(p, items, is_peek);
	}
	return add_simple(items, word) || add_old(items, word);
}

static bool
parse_macro(struct imap_parse *p, struct imap_fetch_items *items)
{
	for (size_t i = 0; i < sizeof(macros) / sizeof(macros[0]); i++) {
		if (!imap_parse_keyword(p, macros[i].name))
			continue;
		for (size_t n = 0; n < 5 && macros[i].items[n] != NULL; n++)
			add_simple(items, slice_of(macros[i].items[n]));
		return true;
	}
	return false;
}

bool
imap_fetch_items_parse(struct imap_parse *p, struct imap_fetch_items *items)
{
	if (!imap_parse_char(p, '('))
		return (parse_macro(p, items) || parse_item(p, items)) && imap_parse_is_end(p);
	do {
		if (!parse_item(p, items))
			return false;
	} while (imap_parse_char(p, ' '));
	return imap_parse_char(p, ')') && imap_parse_is_end(p);
}

void
imap_fetch_items_fini(struct imap_fetch_items *items)
{
	for (size_t i = 0; i < items->count; i++) {
		free(items->items[i].section.names);
		free(items->items[i].section.sorted);
	}
	items->count = 0;
}

bool
imap_fetch_items_has(const struct imap_fetch_items *items, enum imap_item item)
{
	for (size_t i = 0; i < items->count; i++) {
		if (items->items[i].item == item)
			return true;
	}
	return false;
}

void
imap_section_name(const struct imap_section *s, struct buf *out)
{
	/* clang-format off */
	static const char *const names[] = {[IMAP_WHOLE] = "", [IMAP_HEADER] = "HEADER",
	    [IMAP_FIELDS] = "HEADER.FIELDS", [IMAP_FIELDS_NOT] = "HEADER.FIELDS.NOT",
	    [IMAP_TEXT] = "TEXT", [IMAP_MIME] = "MIME"};
	/* clang-format on */

	if (s->label != NULL) {
		buf_add_text(out, s->label);
		return;
	}
	buf_add_text(out, "BODY[");
	buf_add_slice(out, s->part);
	if (s->part.len > 0 && s->text != IMAP_WHOLE)
		buf_add_char(out, '.');
	buf_add_text(out, names[s->text]);
	for (size_t i = 0; i < s->name_count; i++) {
		buf_add_text(out, i == 0 ? " (" : " ");
		imap_astring(out, s->names[i]);
	}
	buf_add_text(out, s->name_count > 0 ? ")]" : "]");
	if (s->is_partial)
		buf_printf(out, "<%u>", s->from);
}

static bool
is_named(const struct imap_section *s, struct slice name)
{
	return bsearch(&name, s->sorted, s->name_count, sizeof(name), by_name) != NULL;
}

/* The fields asked for, as they stand in the header, and the blank line if there is one. */
static struct slice
pick_fields(const struct imap_section *s, struct slice message, struct buf *made)
{
	struct header_walk w = header_walk(message);
	struct header_field field;

	buf_clear(made);
	while (header_next(&w, &field)) {
		if (is_named(s, field.name) == (s->text == IMAP_FIELDS))
			buf_add_slice(made, field.whole);
	}
	if (header_end(message) < message.len)
		buf_add_text(made, "\r\n");
	return buf_slice(made);
}

static bool
find_part(const struct imap_section *s, struct mime *tree, struct slice octets, uint32_t *part)
{
	if (tree->count == 0)
		mime_init(tree, octets);
	*part = mime_find(tree, s->part);
	return *part != MIME_NONE;
}

/* The message that HEADER and TEXT speak of: the whole, or the one in a message/rfc822 part. */
static bool
find_message(
    const struct imap_section *s, struct mime *tree, struct slice octets, struct slice *message)
{
	uint32_t part;

	*message = octets;
	if (s->part.len == 0)
		return true;
	if (!find_part(s, tree, octets, &part) || tree->parts[part].kind != MIME_MESSAGE)
		return false;
	*message = mime_body(tree, part);
	return true;
}

static struct slice
cut_partial(const struct imap_section *s, struct slice cut)
{
	return s->is_partial ? slice_sub(cut, s->from, s->octets) : cut;
}

bool
imap_section_cut(const struct imap_section *s, struct slice octets, struct mime *tree,
    struct buf *made, struct slice *cut)
{
	uint32_t part;

	switch (s->text) {
	case IMAP_WHOLE:
	case IMAP_MIME:
		*cut = octets;
		if (s->part.len > 0) {
			if (!find_part(s, tree, octets, &part))
				return false;
			*cut =
			    s->text == IMAP_MIME ? mime_header(tree, part) : mime_body(tree, part);
		}
		break;
	case IMAP_HEADER:
	case IMAP_TEXT:
	case IMAP_FIELDS:
	case IMAP_FIELDS_NOT:
		if (!find_message(s, tree, octets, cut))
			return false;
		if (s->text == IMAP_HEADER)
			*cut = slice_sub(*cut, 0, header_body(*cut));
		else if (s->text == IMAP_TEXT)
			*cut = slice_from(*cut, header_body(*cut));
		else
			*cut = pick_fields(s, *cut, made);
		break;
	}
	*cut = cut_partial(s, *cut);
	return true;
}
