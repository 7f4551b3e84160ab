#include "common/mail/address_list.h"

#include "common/base/ascii.h"
#include "common/base/limits.h"

#include <string.h>

void
address_list_init(struct address_list *l, struct slice value)
{
	*l = (struct address_list){.rest = slice_sub(value, 0, LIMIT_FIELD_PARSED)};
}

void
address_list_fini(struct address_list *l)
{
	buf_fini(&l->name);
	buf_fini(&l->route);
	buf_fini(&l->local);
	buf_fini(&l->domain);
	buf_fini(&l->comment);
}

/* The next octet; a NUL at the end, and NULs themselves are passed over as blanks. */
static char
peek(const struct address_list *l)
{
	return l->rest.len > 0 ? l->rest.data[0] : '\0';
}

static void
advance(struct address_list *l, size_t n)
{
	l->rest = slice_from(l->rest, n);
}

/* A dot counts as a letter, so names with initials and sloppy local parts are words as well. */
static bool
is_atom(char c)
{
	return !ascii_is_blank(c) && strchr("()<>[]:;@\\,\"", c) == NULL;
}

static void
add_without_breaks(struct buf *out, char c)
{
	if (c != '\r' && c != '\n' && c != '\0')
		buf_add_char(out, c);
}

/* A comment, nested as deep as it likes; the first one of an item is kept. */
static void
take_comment(struct address_list *l)
{
	bool is_first = l->comment.len == 0;
	size_t depth = 0, n = 0;

	for (; n < l->rest.len; n++) {
		char c = l->rest.data[n];

		if (c == ')' && depth == 1)
			break;
		if (c == '(' && depth++ == 0)
			continue;
		if (c == ')')
			depth--;
		if (c == '\\' && n + 1 < l->rest.len)
			c = l->rest.data[++n];
		if (is_first)
			add_without_breaks(&l->comment, c);
	}
	advance(l, n + 1);
}

static void
skip_blanks(struct address_list *l)
{
	while (l->rest.len > 0 && (ascii_is_blank(peek(l)) || peek(l) == '(')) {
		l->has_gap = true;
		if (peek(l) == '(')
			take_comment(l);
		else
			advance(l, 1);
	}
}

/* Octets of the quoted string or the domain literal that comes next, up to and with close. */
static size_t
enclosed(const struct address_list *l, char close)
{
	size_t n = 1;

	while (n < l->rest.len && l->rest.data[n] != close)
		n += l->rest.data[n] == '\\' ? 2 : 1;
	return n < l->rest.len ? n + 1 : l->rest.len;
}

/* An encoded word, which may hold any octet when careless programs wrote it; 0: there is none. */
static size_t
encoded_word(const struct address_list *l)
{
	unsigned marks = 0;
	size_t n = 2;

	if (!slice_has_prefix(l->rest, SLICE("=?")))
		return 0;
	while (n < l->rest.len && n < 200 && !ascii_is_blank(l->rest.data[n])) {
		if (l->rest.data[n++] != '?')
			continue;
		if (++marks >= 3 && n < l->rest.len && l->rest.data[n] == '=')
			return n + 1;
	}
	return 0;
}

static size_t
atom(const struct address_list *l)
{
	size_t n = encoded_word(l);

	if (n > 0)
		return n;
	while (n < l->rest.len && is_atom(l->rest.data[n]))
		n++;
	return n;
}

/* Takes a word, atom or quoted string, off the rest; raw is NULL when there is none. */
static struct slice
take_word(struct address_list *l)
{
	size_t n = peek(l) == '"' ? enclosed(l, '"') : atom(l);
	struct slice raw = n > 0 ? slice_sub(l->rest, 0, n) : slice_of(NULL);

	advance(l, n);
	return raw;
}

static void
add_word(struct buf *out, struct slice raw)
{
	if (raw.data[0] != '"') {
		buf_add_slice(out, raw);
		return;
	}
	for (size_t i = 1; i < raw.len; i++) {
		char c = raw.data[i];

		if (c == '"')
			break;
		if (c == '\\' && i + 1 < raw.len)
			c = raw.data[++i];
		add_without_breaks(out, c);
	}
}

/* Words of a local part or a domain hang together only at a dot, if blanks stand between. */
static bool
is_joined(const struct address_list *l, const struct buf *before, char next)
{
	return !l->has_gap || before->len == 0 || next == '.' ||
	       before->data[before->len - 1] == '.';
}

/* Words up to something else: they may turn out a display name or a local part, so both grow. */
static void
take_words(struct address_list *l)
{
	l->has_gap = false;
	for (skip_blanks(l); l->rest.len > 0; skip_blanks(l)) {
		struct slice word = take_word(l);

		if (word.data == NULL && strchr("[]>)\\", peek(l)) == NULL)
			break;
		if (word.data == NULL) {
			advance(l, 1);
			continue;
		}
		if (l->words++ > 0 && l->has_gap)
			buf_add_char(&l->name, ' ');
		if (!is_joined(l, &l->local, word.data[0]))
			buf_clear(&l->local);
		add_word(&l->name, word);
		add_word(&l->local, word);
		l->is_quoted = word.data[0] == '"';
		l->has_gap = false;
	}
}

static void
take_domain(struct address_list *l)
{
	l->has_gap = false;
	for (skip_blanks(l); l->rest.len > 0; skip_blanks(l)) {
		struct slice word;

		if (peek(l) == '[' && l->domain.len == 0) {
			word = slice_sub(l->rest, 0, enclosed(l, ']'));
			for (size_t i = 0; i < word.len; i++) {
				if (word.data[i] != '\\')
					add_without_breaks(&l->domain, word.data[i]);
			}
			advance(l, word.len);
			break;
		}
		if (!is_atom(peek(l)) || !is_joined(l, &l->domain, peek(l)))
			break;
		word = take_word(l);
		add_word(&l->domain, word);
		l->has_gap = false;
	}
}

/* "@a,@b" up to its colon. Without the colon it was no route but a domain without a local part. */
static void
take_route(struct address_list *l)
{
	for (; l->rest.len > 0; skip_blanks(l)) {
		char c = peek(l);

		if (!is_atom(c) && c != '@' && c != ',')
			break;
		buf_add_char(&l->route, c);
		advance(l, 1);
	}
	if (peek(l) == ':') {
		advance(l, 1);
		return;
	}
	buf_add_slice(&l->domain, slice_from(buf_slice(&l->route), 1));
	buf_clear(&l->route);
}

/* "<" route, local part, "@", domain ">", of which all may be missing. */
static void
take_angle(struct address_list *l)
{
	struct buf name = l->name;
	unsigned words = l->words;

	advance(l, 1);
	buf_clear(&l->local);
	buf_clear(&l->domain);
	l->name = (struct buf){.max = 0};
	skip_blanks(l);
	if (peek(l) == '@')
		take_route(l);
	if (l->domain.len == 0) {
		take_words(l);
		if (peek(l) == '@') {
			advance(l, 1);
			take_domain(l);
		}
	}
	buf_fini(&l->name);
	l->name = name;
	l->words = words;
}

static void
skip_to_delimiter(struct address_list *l)
{
	while (l->rest.len > 0 && peek(l) != ',' && peek(l) != ';') {
		if (peek(l) == '(')
			take_comment(l);
		else
			advance(l, peek(l) == '"' ? enclosed(l, '"') : 1);
	}
}

/* Behind words stands an @: they were a local part, or an address that serves as the name of
 * another. */
static void
take_spec(struct address_list *l)
{
	advance(l, 1);
	take_domain(l);
	if (peek(l) != '<') {
		l->words = 0;
		return;
	}
	buf_add_char(&l->name, '@');
	buf_add_slice(&l->name, buf_slice(&l->domain));
	l->words++;
	take_angle(l);
}

/* A lone atom may be a user of this machine; other words are a name without an address. */
static void
take_bare(struct address_list *l)
{
	if (l->words > 1 || l->is_quoted)
		buf_clear(&l->local);
	else
		l->words = 0;
}

/* What a buffer holds, never NULL. */
static struct slice
shown(const struct buf *b)
{
	return b->data == NULL ? SLICE("") : buf_slice(b);
}

static bool
give_mailbox(struct address_list *l, struct address_item *item)
{
	skip_to_delimiter(l);
	*item = (struct address_item){
	    .kind = ADDRESS_ITEM_MAILBOX, .local = shown(&l->local), .domain = shown(&l->domain)};
	if (l->words > 0)
		item->name = shown(&l->name);
	else if (l->comment.len > 0)
		item->name = slice_trim(shown(&l->comment));
	if (l->route.len > 0)
		item->route = shown(&l->route);
	l->count++;
	return true;
}

static bool
give_group(struct address_list *l, struct address_item *item, enum address_item_kind kind)
{
	*item = (struct address_item){.kind = kind};
	l->in_group = kind == ADDRESS_ITEM_GROUP;
	if (l->in_group)
		item->name = shown(&l->name);
	l->count++;
	return true;
}

static void
clear(struct address_list *l)
{
	buf_clear(&l->name);
	buf_clear(&l->route);
	buf_clear(&l->local);
	buf_clear(&l->domain);
	buf_clear(&l->comment);
	l->words = 0;
}

bool
address_list_next(struct address_list *l, struct address_item *item)
{
	while (l->rest.len > 0 && l->count < LIMIT_ADDRESSES) {
		char c;

		clear(l);
		take_words(l);
		c = peek(l);
		if (c == '<') {
			take_angle(l);
			return give_mailbox(l, item);
		}
		if (c == '@') {
			take_spec(l);
			return give_mailbox(l, item);
		}
		if (c == ':') {
			advance(l, 1);
			if (!l->in_group && l->words > 0)
				return give_group(l, item, ADDRESS_ITEM_GROUP);
			continue;
		}
		if (l->words > 0) {
			take_bare(l);
			return give_mailbox(l, item);
		}
		advance(l, 1);
		if (c == ';' && l->in_group)
			return give_group(l, item, ADDRESS_ITEM_GROUP_END);
	}
	return l->in_group && give_group(l, item, ADDRESS_ITEM_GROUP_END);
}

static bool
is_phrase(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];

		if (!ascii_is_alnum(c) && (c == '\0' || strchr("!#$%&'*+-/=?^_`{|}~ ", c) == NULL))
			return false;
	}
	return true;
}

void
address_name_write(struct buf *out, struct slice name)
{
	size_t start = out->len;

	if (is_phrase(name)) {
		buf_add_slice(out, name);
		return;
	}
	buf_add_quoted(out, name);
	for (size_t i = start; i < out->len; i++) {
		if ((unsigned char)out->data[i] < ' ')
			out->data[i] = ' ';
	}
}
