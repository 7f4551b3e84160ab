#include "common/mail/expand.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One %{…}, taken apart. */
struct token {
	struct slice name, range, modifiers;
};

static struct slice
part_of(struct slice address, struct slice part)
{
	ptrdiff_t at = slice_find_last(address, '@');

	if (part.len == 0)
		return address;
	if (slice_equal_text(part, "user"))
		return at < 0 ? address : slice_sub(address, 0, (size_t)at);
	return at < 0 ? SLICE("") : slice_from(address, (size_t)at + 1);
}

/* sender, rcpt.user, dest.domain… False: no such name. */
static bool
find_word(const struct expand_words *w, struct slice name, struct slice *word, bool *is_strange)
{
	ptrdiff_t dot = slice_find(name, '.');
	struct slice first = dot < 0 ? name : slice_sub(name, 0, (size_t)dot);
	struct slice rest = dot < 0 ? SLICE("") : slice_from(name, (size_t)dot + 1);
	bool is_part =
	    rest.len == 0 || slice_equal_text(rest, "user") || slice_equal_text(rest, "domain");

	*is_strange = true;
	if (slice_equal_text(name, "user.username"))
		*word = w->username;
	else if (slice_equal_text(name, "user.directory"))
		*word = w->directory;
	else if (slice_equal_text(name, "mbox.from"))
		*word = w->mbox_from;
	else if (slice_equal_text(first, "sender") && is_part)
		*word = part_of(w->sender, rest);
	else if (slice_equal_text(first, "rcpt") && is_part)
		*word = part_of(w->rcpt, rest);
	else if (slice_equal_text(first, "dest") && is_part)
		*word = part_of(w->dest, rest);
	else
		return false;
	*is_strange = !slice_equal_text(first, "user");
	return true;
}

/* "2", "-3", "0:4", ":-2": a place in a word of so many octets. */
static bool
place(struct slice text, size_t len, long otherwise, long *at)
{
	char number[16];
	char *end;

	if (text.len == 0) {
		*at = otherwise;
		return true;
	}
	if (!slice_copy(text, number, sizeof(number)))
		return false;
	*at = strtol(number, &end, 10);
	if (*at < 0)
		*at += (long)len;
	return *end == '\0';
}

/* The end is the last octet's place, or from behind the first one's that is left out. */
static bool
cut(struct slice range, struct slice *word)
{
	ptrdiff_t colon = slice_find(range, ':');
	struct slice end = colon < 0 ? SLICE("") : slice_from(range, (size_t)colon + 1);
	long first, last;

	if (range.data == NULL)
		return true;
	if (!place(colon < 0 ? range : slice_sub(range, 0, (size_t)colon), word->len, 0, &first))
		return false;
	if (colon < 0)
		last = first;
	else if (!place(end, word->len, (long)word->len - 1, &last))
		return false;
	if (end.len > 0 && end.data[0] == '-')
		last--;
	first = first < 0 ? 0 : first;
	*word =
	    last < first ? SLICE("") : slice_sub(*word, (size_t)first, (size_t)(last - first) + 1);
	return true;
}

/* user+tag, with or without a domain behind it, without the tag. */
static void
strip(char delimiter, struct slice *word, struct buf *room)
{
	ptrdiff_t at = slice_find_last(*word, '@');
	struct slice local = at < 0 ? *word : slice_sub(*word, 0, (size_t)at);
	ptrdiff_t tag = slice_find(local, delimiter);

	if (tag <= 0)
		return;
	buf_add_slice(room, slice_sub(*word, 0, (size_t)tag));
	buf_add_slice(room, slice_from(*word, local.len));
	*word = buf_slice(room);
}

/* "lowercase|strip", or with a comma between. False: no such modifier. */
static bool
modify(struct slice modifiers, char delimiter, struct slice *word, int (**change)(int),
    struct buf *room)
{
	while (modifiers.len > 0) {
		size_t len = 0;
		struct slice one;

		while (
		    len < modifiers.len && modifiers.data[len] != '|' && modifiers.data[len] != ',')
			len++;
		one = slice_sub(modifiers, 0, len);
		modifiers = slice_from(modifiers, len + 1);
		if (slice_equal_text(one, "lowercase"))
			*change = tolower;
		else if (slice_equal_text(one, "uppercase"))
			*change = toupper;
		else if (slice_equal_text(one, "strip") && room->len == 0)
			strip(delimiter, word, room);
		else
			return false;
	}
	return true;
}

static void
add(struct buf *out, struct slice word, bool is_strange, int (*change)(int))
{
	for (size_t i = 0; i < word.len; i++) {
		int c = (unsigned char)word.data[i];

		if (is_strange && !isalnum(c) &&
		    (c == 0 || (i == 0 && c == '-') || strchr("@._-+=,", c) == NULL))
			c = ':';
		buf_add_char(out, (char)(change == NULL ? c : change(c)));
	}
}

static bool
add_token(const struct token *t, const struct expand_words *w, struct buf *out)
{
	struct slice word;
	struct buf room = {0};
	int (*change)(int) = NULL;
	bool is_strange, ok;

	ok = find_word(w, t->name, &word, &is_strange) &&
	     modify(t->modifiers, w->delimiter, &word, &change, &room) && cut(t->range, &word);
	if (ok)
		add(out, word, is_strange, change);
	buf_fini(&room);
	return ok;
}

/* Outside of names %% stands for one %. */
static void
add_plain(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		buf_add_char(out, text.data[i]);
		if (text.data[i] == '%' && i + 1 < text.len && text.data[i + 1] == '%')
			i++;
	}
}

/* Where the next %{ begins that is no %% and a brace; negative: nowhere. */
static ptrdiff_t
find_token(struct slice text)
{
	for (size_t i = 0; i + 1 < text.len; i++) {
		if (text.data[i] == '%' && text.data[i + 1] == '{')
			return (ptrdiff_t)i;
		if (text.data[i] == '%' && text.data[i + 1] == '%')
			i++;
	}
	return -1;
}

/* name[range]:modifiers */
static struct token
take_apart(struct slice inside)
{
	ptrdiff_t open = slice_find(inside, '['), close = slice_find(inside, ']'), colon;
	struct token t = {.range = {NULL, 0}};

	if (open >= 0 && close > open) {
		t.name = slice_sub(inside, 0, (size_t)open);
		t.range = slice_sub(inside, (size_t)open + 1, (size_t)(close - open) - 1);
		inside = slice_from(inside, (size_t)close + 1);
		t.modifiers =
		    inside.len > 0 && inside.data[0] == ':' ? slice_from(inside, 1) : inside;
		return t;
	}
	colon = slice_find(inside, ':');
	t.name = colon < 0 ? inside : slice_sub(inside, 0, (size_t)colon);
	t.modifiers = colon < 0 ? SLICE("") : slice_from(inside, (size_t)colon + 1);
	return t;
}

bool
expand(struct slice text, const struct expand_words *w, struct buf *out, char *wrong)
{
	while (text.len > 0) {
		ptrdiff_t at = find_token(text), end;
		struct token t;

		if (at < 0) {
			add_plain(out, text);
			break;
		}
		add_plain(out, slice_sub(text, 0, (size_t)at));
		text = slice_from(text, (size_t)at + 2);
		end = slice_find(text, '}');
		t = take_apart(slice_sub(text, 0, end < 0 ? 0 : (size_t)end));
		if (end < 0 || !add_token(&t, w, out)) {
			snprintf(wrong, EXPAND_WRONG, "%%{%.*s is nothing that can be expanded",
			    (int)(end < 0 ? (ptrdiff_t)0 : end + 1), text.data);
			return false;
		}
		text = slice_from(text, (size_t)end + 1);
	}
	if (out->len < EXPAND_MOST)
		return true;
	snprintf(wrong, EXPAND_WRONG, "it expands to more than %d octets", EXPAND_MOST);
	return false;
}
