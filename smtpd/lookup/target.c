#include "smtpd/lookup/target.h"

#include "common/base/ascii.h"
#include "common/base/limits.h"
#include "common/base/utf8.h"
#include "common/mail/address.h"

enum { ERROR_TEXT_MOST = 400 };

void
target_init(struct target *t)
{
	*t = (struct target){.kind = TARGET_WRONG};
}

void
target_fini(struct target *t)
{
	buf_fini(&t->text);
}

/* Takes off the next item: up to a comma outside of quotes. */
static bool
take_item(struct slice *rest, struct slice *item)
{
	bool is_quoted = false;
	size_t i;

	for (;;) {
		while (rest->len > 0 &&
		       (rest->data[0] == ',' || rest->data[0] == ' ' || rest->data[0] == '\t'))
			*rest = slice_from(*rest, 1);
		if (rest->len == 0)
			return false;
		for (i = 0; i < rest->len && (is_quoted || rest->data[i] != ','); i++) {
			if (rest->data[i] == '\\' && i + 1 < rest->len)
				i++;
			else if (rest->data[i] == '"')
				is_quoted = !is_quoted;
		}
		*item = slice_trim(slice_sub(*rest, 0, i));
		*rest = slice_from(*rest, i);
		if (item->len > 0)
			return true;
	}
}

/* Appends what stands between quotes around the whole item, or the item. */
static void
add_unquoted(struct buf *out, struct slice s)
{
	if (s.len < 2 || s.data[0] != '"' || s.data[s.len - 1] != '"') {
		buf_add_slice(out, s);
		return;
	}
	for (size_t i = 1; i + 1 < s.len; i++) {
		if (s.data[i] == '\\' && i + 2 < s.len &&
		    (s.data[i + 1] == '"' || s.data[i + 1] == '\\'))
			i++;
		buf_add_char(out, s.data[i]);
	}
}

/* "550 no more" to "550 5.0.0 no more": what stands in a reply, whole and printable. */
static enum target_kind
make_error(struct target *t, struct slice text)
{
	struct slice rest = slice_trim(text), code;

	buf_clear(&t->text);
	if (!slice_word(&rest, &code) || code.len != 3 ||
	    (code.data[0] != '4' && code.data[0] != '5') || !ascii_is_digit(code.data[1]) ||
	    !ascii_is_digit(code.data[2]))
		return TARGET_WRONG;
	rest = slice_trim(rest);
	buf_printf(&t->text, "%.*s ", SLICE_FMT(code));
	if (rest.len < 6 || rest.data[0] != code.data[0] || rest.data[1] != '.' ||
	    !ascii_is_digit(rest.data[2]))
		buf_printf(&t->text, "%c.0.0 ", code.data[0]);
	if (rest.len == 0)
		rest = SLICE("refused");
	for (size_t i = 0; i < rest.len && i < ERROR_TEXT_MOST; i++)
		buf_add_char(
		    &t->text, rest.data[i] < ' ' || rest.data[i] > '~' ? '?' : rest.data[i]);
	return TARGET_ERROR;
}

/* A login name or a key of the alias table: no blanks, no quotes, no path. */
static bool
is_user(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (c <= ' ' || c >= 127 || c == '"' || c == '/' || c == '|' || c == ':' ||
		    c == '<' || c == '>')
			return false;
	}
	return s.len > 0 && s.len <= LIMIT_LOCAL_PART;
}

static void
drop_first(struct buf *b)
{
	buf_consume(b, 1);
}

static enum target_kind
make_name(struct target *t)
{
	struct slice s = buf_slice(&t->text);
	struct address a;

	if (s.len > 2 && s.data[0] == '<' && s.data[s.len - 1] == '>') {
		buf_truncate(&t->text, s.len - 1);
		drop_first(&t->text);
		s = buf_slice(&t->text);
	}
	if (s.len > 1 && s.data[0] == '\\') {
		drop_first(&t->text);
		t->is_plain = true;
		s = buf_slice(&t->text);
	}
	if (slice_find(s, '@') >= 0)
		return address_parse(s, ADDRESS_ALLOW_UTF8, &a) == ADDRESS_OK ? TARGET_ADDRESS
									      : TARGET_WRONG;
	for (size_t i = 0; i < t->text.len; i++)
		t->text.data[i] = ascii_lower(t->text.data[i]);
	return is_user(s) ? TARGET_USER : TARGET_WRONG;
}

/* What the text is by its first octets. A command is quoted whole, or behind its bar. */
static enum target_kind
judge(struct target *t)
{
	struct slice s = buf_slice(&t->text), include = SLICE(":include:");
	struct buf command = {0};

	if (s.len == 0 || s.len > LIMIT_TARGET || !utf8_is_printable(s))
		return TARGET_WRONG;
	if (s.data[0] == '/')
		return TARGET_FILE;
	if (slice_has_prefix_nocase(s, include)) {
		buf_consume(&t->text, include.len);
		return t->text.len > 0 && t->text.data[0] == '/' ? TARGET_INCLUDE : TARGET_WRONG;
	}
	if (s.data[0] != '|')
		return make_name(t);
	buf_add_char(&command, '|');
	add_unquoted(&command, slice_trim(slice_from(s, 1)));
	buf_fini(&t->text);
	t->text = command;
	return t->text.len > 1 ? TARGET_COMMAND : TARGET_WRONG;
}

bool
target_next(struct slice *rest, struct target *t)
{
	struct slice item, error = SLICE("error:"), text = *rest;

	if (!take_item(rest, &item))
		return false;
	buf_clear(&t->text);
	t->is_plain = false;
	if (slice_has_prefix_nocase(item, error)) {
		text = slice_from(text, (size_t)(item.data - text.data) + error.len);
		*rest = slice_from(*rest, rest->len);
		t->kind = make_error(t, text);
		return true;
	}
	add_unquoted(&t->text, item);
	if (slice_has_prefix_nocase(buf_slice(&t->text), error)) {
		struct buf quoted = t->text;

		t->text = (struct buf){0};
		t->kind = make_error(t, slice_from(buf_slice(&quoted), error.len));
		buf_fini(&quoted);
		return true;
	}
	t->kind = judge(t);
	return true;
}

/* "bob # who reads it", but not within a command, quotes or what error: says. */
static struct slice
without_comment(struct slice line)
{
	if (slice_has_prefix_nocase(line, SLICE("error:")))
		return line;
	for (size_t i = 0; i < line.len && line.data[i] != '|' && line.data[i] != '"'; i++)
		if (line.data[i] == '#' &&
		    (i == 0 || line.data[i - 1] == ' ' || line.data[i - 1] == '\t'))
			return slice_trim(slice_sub(line, 0, i));
	return line;
}

bool
target_next_line(struct slice *rest, struct slice *line, struct target *t)
{
	while (!target_next(line, t)) {
		do {
			if (!slice_split(rest, '\n', line))
				return false;
			*line = without_comment(slice_chomp(slice_trim(*line)));
		} while (line->len == 0);
	}
	return true;
}
