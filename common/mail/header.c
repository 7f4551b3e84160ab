#include "common/mail/header.h"

#include "common/base/ascii.h"
#include "common/base/limits.h"

#include <string.h>

enum {
	FOLD = 78,     /* octets wanted on a line, RFC 5322 2.1.1 */
	LONGEST = 998, /* octets that a line may have */
};

/* The line at an offset, its line end included. */
static struct slice
line_at(struct slice s, size_t at)
{
	struct slice rest = slice_from(s, at);
	ptrdiff_t end = slice_find(rest, '\n');

	return end < 0 ? rest : slice_sub(rest, 0, (size_t)end + 1);
}

static bool
is_empty(struct slice line)
{
	return slice_equal(line, SLICE("\r\n")) || slice_equal(line, SLICE("\n"));
}

static struct slice
without_end(struct slice s)
{
	if (s.len > 0 && s.data[s.len - 1] == '\n')
		s.len--;
	return slice_chomp(s);
}

struct header_walk
header_walk(struct slice message)
{
	return (struct header_walk){.message = message};
}

/* A line and the folded ones behind it. */
static size_t
folded(struct slice message, size_t at)
{
	size_t end = at + line_at(message, at).len;

	while (end < message.len && (message.data[end] == ' ' || message.data[end] == '\t'))
		end += line_at(message, end).len;
	return end;
}

/* ftext is printable ASCII but the colon (RFC 5322 3.6.8); what is above ASCII is let pass. */
static bool
is_name(struct slice name)
{
	for (size_t i = 0; i < name.len; i++) {
		if ((unsigned char)name.data[i] <= ' ' || name.data[i] == 127)
			return false;
	}
	return name.len > 0;
}

static bool
take_field(struct header_walk *w, struct header_field *field)
{
	struct slice line = line_at(w->message, w->at), name;
	ptrdiff_t colon = slice_find(line, ':');

	field->start = w->at;
	field->end = folded(w->message, w->at);
	w->at = field->end;
	if (colon < 0)
		return false;
	name = slice_sub(line, 0, (size_t)colon);
	while (name.len > 0 && (name.data[name.len - 1] == ' ' || name.data[name.len - 1] == '\t'))
		name.len--;
	field->name = name;
	field->whole = slice_sub(w->message, field->start, field->end - field->start);
	field->value = slice_trim(without_end(slice_from(field->whole, (size_t)colon + 1)));
	return is_name(name);
}

bool
header_next(struct header_walk *w, struct header_field *field)
{
	while (w->at < w->message.len && w->at < LIMIT_HEADER && w->fields < LIMIT_FIELDS) {
		if (is_empty(line_at(w->message, w->at)))
			return false;
		if (take_field(w, field)) {
			w->fields++;
			return true;
		}
	}
	return false;
}

/* Finds the empty line. */
static size_t
empty_line(struct slice message, size_t *body)
{
	size_t at = 0;

	while (at < message.len) {
		struct slice line = line_at(message, at);

		*body = at + line.len;
		if (is_empty(line))
			return at;
		at = *body;
	}
	*body = message.len;
	return message.len;
}

size_t
header_end(struct slice message)
{
	size_t body;

	return empty_line(message, &body);
}

size_t
header_body(struct slice message)
{
	size_t body;

	empty_line(message, &body);
	return body;
}

/* Visits the fields of a name up to limit of them; *value is the last one's. */
static unsigned
visit(struct slice message, struct slice name, unsigned limit, struct slice *value)
{
	struct header_walk w = header_walk(message);
	struct header_field field;
	unsigned count = 0;

	while (count < limit && header_next(&w, &field)) {
		if (slice_equal_nocase(field.name, name)) {
			*value = field.value;
			count++;
		}
	}
	return count;
}

bool
header_find(struct slice message, struct slice name, struct slice *value)
{
	return visit(message, name, 1, value) > 0;
}

unsigned
header_count(struct slice message, struct slice name)
{
	struct slice value;

	return visit(message, name, LIMIT_FIELDS, &value);
}

void
header_skip_blanks(struct slice *value)
{
	size_t depth = 0, at = 0;

	for (; at < value->len; at++) {
		char c = value->data[at];

		if (c == '(')
			depth++;
		else if (depth == 0 && !ascii_is_blank(c))
			break;
		else if (c == ')')
			depth--;
		else if (c == '\\')
			at++;
	}
	*value = slice_from(*value, at);
}

void
header_unfold(struct buf *out, struct slice value)
{
	value = slice_trim(value);
	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] != '\r' && value.data[i] != '\n' && value.data[i] != '\0')
			buf_add_char(out, value.data[i]);
	}
}

/* Octets from the next blank on up to and without the blank after it: what one line takes
 * or not. */
static size_t
chunk(struct slice s)
{
	size_t n = 0;

	while (n < s.len && s.data[n] == ' ')
		n++;
	while (n < s.len && s.data[n] != ' ')
		n++;
	return n;
}

/* The last octets of a long chunk that still make whole characters, so UTF-8 is not cut. */
static size_t
whole_characters(struct slice s, size_t n)
{
	size_t cut = n;

	while (cut > n - 4 && ((unsigned char)s.data[cut] & 0xC0) == 0x80)
		cut--;
	return ((unsigned char)s.data[cut] & 0xC0) == 0x80 ? n : cut;
}

static void
add_folded(struct buf *out, struct slice value, size_t column)
{
	while (value.len > 0) {
		size_t n = chunk(value);
		bool has_blank = value.data[0] == ' ';

		if (has_blank && column + n > FOLD && n > 1 && column > 1) {
			buf_add_text(out, "\r\n");
			column = 0;
		}
		if (column + n > LONGEST) {
			n = whole_characters(value, LONGEST - column);
			buf_add_slice(out, slice_sub(value, 0, n));
			buf_add_text(out, "\r\n ");
			column = 1;
		} else {
			buf_add_slice(out, slice_sub(value, 0, n));
			column += n;
		}
		value = slice_from(value, n);
	}
}

void
header_add(struct buf *out, const char *name, struct slice value)
{
	struct buf clean = {0};
	struct slice trimmed;

	for (size_t i = 0; i < value.len; i++) {
		char c = value.data[i];

		if ((unsigned char)c >= ' ' && c != 127)
			buf_add_char(&clean, c);
		else if (c != '\n' || i == 0 || value.data[i - 1] != '\r')
			buf_add_char(&clean, ' ');
	}
	trimmed = slice_trim(buf_slice(&clean));
	buf_printf(out, "%s:%s", name, trimmed.len > 0 ? " " : "");
	add_folded(out, trimmed, strlen(name) + 2);
	buf_add_text(out, "\r\n");
	buf_fini(&clean);
}
