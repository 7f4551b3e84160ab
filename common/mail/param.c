/*
 * A parameter may come in pieces (name*0, name*1, …; RFC 2231 3). All pieces are collected
 * first, at most LIMIT_PARAMETERS of them, put in order, and then joined, so that the time does
 * not hang on the order in which a sender wrote them.
 */
#include "common/mail/param.h"

#include "common/base/ascii.h"
#include "common/base/encode.h"
#include "common/mail/charset.h"
#include "common/mail/decode.h"
#include "common/mail/header.h"
#include "common/mail/word.h"

#include <string.h>

enum { PIECE_NUMBERS = 9999, PIECE_WHOLE = -1 };

struct piece {
	struct slice name, value;
	int number;    /* PIECE_WHOLE: the parameter is not in pieces */
	size_t group;  /* the first piece of the same name */
	bool extended; /* the name ended with an asterisk */
	bool raw;      /* value still has quotes' backslashes, line ends or NULs in it */
};

/* Takes octets until one of stops, a blank or a comment. */
static struct slice
take_token(struct slice *s, const char *stops)
{
	size_t n = 0;

	while (n < s->len && !ascii_is_blank(s->data[n]) && s->data[n] != '(' &&
	       strchr(stops, s->data[n]) == NULL)
		n++;
	struct slice token = slice_sub(*s, 0, n);

	*s = slice_from(*s, n);
	return token;
}

/* Takes a quoted string without its quotes; one that is not closed goes to the end. */
static struct slice
take_quoted(struct slice *s, bool *raw)
{
	size_t at = 1;

	*raw = false;
	while (at < s->len && s->data[at] != '"') {
		char c = s->data[at];

		*raw = *raw || c == '\\' || c == '\r' || c == '\n' || c == '\0';
		at += c == '\\' && at + 1 < s->len ? 2 : 1;
	}
	struct slice inside = slice_sub(*s, 1, at - 1);

	*s = slice_from(*s, at + 1);
	return inside;
}

/* Passes over what is left of a piece and the semicolon that ends it. */
static void
skip_piece(struct slice *s)
{
	while (s->len > 0) {
		bool raw;

		header_skip_blanks(s);
		if (s->len > 0 && s->data[0] == '"')
			take_quoted(s, &raw);
		else
			take_token(s, ";\"");
		if (s->len > 0 && s->data[0] == ';') {
			*s = slice_from(*s, 1);
			return;
		}
	}
}

/* Takes the marks of RFC 2231 off a piece's name; a name with other asterisks keeps them. */
static void
read_marks(struct piece *p)
{
	struct slice name = p->name;
	ptrdiff_t star;
	uint64_t number = 0;

	p->number = PIECE_WHOLE;
	p->extended = false;
	if (name.len > 1 && name.data[name.len - 1] == '*') {
		name.len--;
		p->extended = true;
	}
	star = slice_find(name, '*');
	if (star > 0) {
		struct slice digits = slice_from(name, (size_t)star + 1);

		if (!slice_number(digits, PIECE_NUMBERS, &number)) {
			p->extended = false;
			return;
		}
		p->number = (int)number;
		name.len = (size_t)star;
	}
	p->name = name;
}

/* Reads the next "name=value"; false: what stood there is none. */
static bool
read_piece(struct slice *s, struct piece *p)
{
	header_skip_blanks(s);
	p->name = take_token(s, "=;\"");
	header_skip_blanks(s);
	if (p->name.len == 0 || s->len == 0 || s->data[0] != '=') {
		skip_piece(s);
		return false;
	}
	*s = slice_from(*s, 1);
	header_skip_blanks(s);
	p->raw = false;
	if (s->len > 0 && s->data[0] == '"')
		p->value = take_quoted(s, &p->raw);
	else
		p->value = take_token(s, ";\"");
	skip_piece(s);
	read_marks(p);
	return true;
}

static size_t
read_pieces(struct slice s, struct piece pieces[LIMIT_PARAMETERS])
{
	size_t count = 0;

	for (size_t tries = 0; s.len > 0 && tries < LIMIT_PARAMETERS; tries++) {
		struct piece *p = &pieces[count];

		if (!read_piece(&s, p))
			continue;
		p->group = count;
		for (size_t i = 0; i < count; i++) {
			if (pieces[i].group == i && slice_equal_nocase(pieces[i].name, p->name)) {
				p->group = i;
				break;
			}
		}
		count++;
	}
	return count;
}

/* By group, then by number; what is equal in both stays in the order of the field. */
static bool
stands_before(const struct piece *a, const struct piece *b)
{
	if (a->group != b->group)
		return a->group < b->group;
	return a->number < b->number;
}

static void
sort_pieces(struct piece *pieces, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct piece p = pieces[i];
		size_t at = i;

		while (at > 0 && stands_before(&p, &pieces[at - 1])) {
			pieces[at] = pieces[at - 1];
			at--;
		}
		pieces[at] = p;
	}
}

static bool
is_attribute_char(char c)
{
	return c > ' ' && c < 0x7F && strchr("*'%()<>@,;:\\\"/[]?=", c) == NULL;
}

/* Appends a piece's octets; within an extended parameter, one that is not is encoded. */
static void
add_piece(const struct piece *p, bool encode, struct buf *out)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < p->value.len; i++) {
		char c = p->value.data[i];

		if (p->raw && c == '\\' && i + 1 < p->value.len)
			c = p->value.data[++i];
		if (c == '\r' || c == '\n' || c == '\0')
			continue;
		if (encode && !is_attribute_char(c)) {
			buf_add_char(out, '%');
			buf_add_char(out, hex[(unsigned char)c >> 4]);
			c = hex[(unsigned char)c & 15];
		}
		buf_add_char(out, c);
	}
}

/* Makes one parameter of n pieces that belong together. */
static void
join(struct param_field *f, const struct piece *pieces, size_t n)
{
	struct param *made = &f->params[f->count];
	size_t start = f->memory.len;

	*made = (struct param){.name = pieces[0].name, .extended = pieces[0].extended};
	for (size_t i = 0; i < f->count; i++) {
		if (f->params[i].extended == made->extended &&
		    slice_equal_nocase(f->params[i].name, made->name))
			return;
	}
	f->count++;
	if (n == 1 && !pieces[0].raw) {
		made->value = pieces[0].value;
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || pieces[i].number != pieces[i - 1].number)
			add_piece(&pieces[i], made->extended && !pieces[i].extended, &f->memory);
	}
	made->value = slice_from(buf_slice(&f->memory), start);
}

void
param_init(struct param_field *f)
{
	f->type = SLICE("");
	f->subtype = SLICE("");
	f->count = 0;
	f->memory = (struct buf){0};
}

void
param_fini(struct param_field *f)
{
	buf_fini(&f->memory);
}

void
param_parse(struct param_field *f, struct slice value)
{
	struct piece pieces[LIMIT_PARAMETERS];
	struct slice s = slice_sub(value, 0, LIMIT_FIELD_PARSED);
	size_t count;

	header_skip_blanks(&s);
	f->type = take_token(&s, "/;=\"");
	f->subtype = SLICE("");
	header_skip_blanks(&s);
	if (s.len > 0 && s.data[0] == '/') {
		s = slice_from(s, 1);
		header_skip_blanks(&s);
		f->subtype = take_token(&s, "/;=\"");
	}
	skip_piece(&s);
	count = read_pieces(s, pieces);
	sort_pieces(pieces, count);

	/* Joined values point into memory, so all the room they can need is taken first. */
	f->count = 0;
	buf_clear(&f->memory);
	if (count > 0)
		(void)buf_room(&f->memory, 3 * s.len);
	for (size_t at = 0, n; at < count; at += n) {
		n = 1;
		while (pieces[at].number != PIECE_WHOLE && at + n < count &&
		       pieces[at + n].group == pieces[at].group)
			n++;
		join(f, pieces + at, n);
	}
}

const struct param *
param_find(const struct param_field *f, const char *name)
{
	const struct param *found = NULL;

	for (size_t i = 0; i < f->count; i++) {
		if (slice_equal_text_nocase(f->params[i].name, name) &&
		    (found == NULL || f->params[i].extended))
			found = &f->params[i];
	}
	return found;
}

static void
add_percent_decoded(struct slice s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.data[i];

		if (c == '%' && i + 2 < s.len && hex_digit(s.data[i + 1]) >= 0 &&
		    hex_digit(s.data[i + 2]) >= 0) {
			c = (char)(hex_digit(s.data[i + 1]) << 4 | hex_digit(s.data[i + 2]));
			i += 2;
		}
		buf_add_char(out, c);
	}
}

void
param_text(const struct param *p, struct buf *out)
{
	struct buf octets = {.max = out->max}, text = {.max = out->max};
	struct slice rest = p->value, charset = SLICE(""), language;

	if (!p->extended) {
		word_decode(p->value, out);
		return;
	}
	if (slice_find(rest, '\'') >= 0) {
		slice_split(&rest, '\'', &charset);
		if (slice_find(rest, '\'') >= 0)
			slice_split(&rest, '\'', &language);
	}
	add_percent_decoded(rest, &octets);
	if (charset.len > 0)
		charset_to_utf8(charset, buf_slice(&octets), &text);
	else
		charset_guess_to_utf8(buf_slice(&octets), &text);
	word_one_line(buf_slice(&text), out);
	buf_fini(&text);
	buf_fini(&octets);
}

struct slice
param_word(struct slice value)
{
	bool raw;

	header_skip_blanks(&value);
	if (value.len > 0 && value.data[0] == '"')
		return slice_trim(take_quoted(&value, &raw));
	return take_token(&value, ";\"");
}
