#include "common/mail/word.h"

#include "common/base/ascii.h"
#include "common/base/encode.h"
#include "common/base/utf8.h"
#include "common/mail/charset.h"
#include "common/mail/decode.h"

#include <string.h>

enum {
	WORD_LONGEST = 75, /* RFC 2047 2 */
	WORD_FRAME = 12,   /* =?utf-8?B? and ?= */
};

struct word {
	struct slice charset, text;
	char how; /* b or q */
};

/* The words that were read but not converted yet: one charset, octets decoded. */
struct pending {
	struct slice charset;
	struct buf octets;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/*
 * Reads the encoded word at the start of s, which begins with "=?"; 0: it is none, else its
 * octets. *unclosed is set when no "?=" follows, so that nobody looks for one again.
 */
static size_t
read_word(struct slice s, struct word *w, bool *unclosed)
{
	struct slice head = slice_sub(s, 2, CHARSET_NAME + 40), rest;
	ptrdiff_t mark = slice_find(head, '?'), star, end;

	if (mark <= 0)
		return 0;
	w->charset = slice_sub(head, 0, (size_t)mark);
	star = slice_find(w->charset, '*'); /* a language may follow, RFC 2231 5 */
	if (star >= 0)
		w->charset.len = (size_t)star;
	rest = slice_from(s, 2 + (size_t)mark + 1);
	if (rest.len < 2 || rest.data[1] != '?')
		return 0;
	w->how = (char)(rest.data[0] | 0x20);
	if (w->how != 'b' && w->how != 'q')
		return 0;
	rest = slice_from(rest, 2);
	end = slice_search(rest, SLICE("?="));
	if (end < 0) {
		*unclosed = true;
		return 0;
	}
	w->text = slice_sub(rest, 0, (size_t)end);
	return (size_t)(rest.data - s.data) + (size_t)end + 2;
}

static void
decode_q(struct slice s, struct buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.data[i];

		if (c == '=' && i + 2 < s.len && hex_digit(s.data[i + 1]) >= 0 &&
		    hex_digit(s.data[i + 2]) >= 0) {
			c = (char)(hex_digit(s.data[i + 1]) << 4 |
				   hex_digit(s.data[i + 2]));
			i += 2;
		} else if (c == '_') {
			c = ' ';
		}
		buf_add_char(out, c);
	}
}

static void
add_converted(struct slice charset, struct slice octets, struct buf *out)
{
	struct buf text = {.max = out->max};

	if (charset.len > 0)
		charset_to_utf8(charset, octets, &text);
	else
		charset_guess_to_utf8(octets, &text);
	word_one_line(buf_slice(&text), out);
	buf_fini(&text);
}

static void
flush_words(struct pending *p, struct buf *out)
{
	if (p->octets.len > 0)
		add_converted(p->charset, buf_slice(&p->octets), out);
	p->charset = SLICE("");
	buf_clear(&p->octets);
}

static void
add_word(struct pending *p, const struct word *w, struct buf *out)
{
	if (!slice_equal_nocase(p->charset, w->charset))
		flush_words(p, out);
	p->charset = w->charset;
	if (w->how == 'b')
		decode_all(ENCODING_BASE64, w->text, &p->octets);
	else
		decode_q(w->text, &p->octets);
}

static bool
is_all_blank(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!is_blank(s.data[i]))
			return false;
	}
	return true;
}

void
word_one_line(struct slice s, struct buf *out)
{
	for (size_t at = 0; at < s.len;) {
		size_t run = at;

		while (run < s.len && s.data[run] != '\0' && s.data[run] != '\r' &&
		       s.data[run] != '\n')
			run++;
		buf_add(out, s.data + at, run - at);
		if (run == s.len)
			break;
		/* A line end is one blank, but none where folding already left one. */
		if (s.data[run] != '\0' && (out->len == 0 || out->data[out->len - 1] != ' ') &&
		    !(run + 1 < s.len && is_blank(s.data[run + 1])))
			buf_add_char(out, ' ');
		at = run + 1;
	}
}

void
word_decode(struct slice text, struct buf *out)
{
	struct pending pending = {0};
	struct slice plain = slice_sub(text, 0, 0);
	bool unclosed = false, after_word = false;
	size_t at = 0;

	while (at < text.len) {
		struct word w;
		size_t taken = 0;

		if (!unclosed && text.data[at] == '=' && at + 1 < text.len &&
		    text.data[at + 1] == '?')
			taken = read_word(slice_from(text, at), &w, &unclosed);
		if (taken == 0) {
			plain.len++;
			at++;
			continue;
		}
		/* Blanks between two encoded words are no text (RFC 2047 6.2). */
		if (plain.len > 0 && !(after_word && is_all_blank(plain))) {
			flush_words(&pending, out);
			add_converted(SLICE(""), plain, out);
		}
		add_word(&pending, &w, out);
		after_word = true;
		at += taken;
		plain = slice_sub(text, at, 0);
	}
	flush_words(&pending, out);
	if (plain.len > 0)
		add_converted(SLICE(""), plain, out);
	buf_fini(&pending.octets);
}

/* Whether an octet stands for itself in a Q word anywhere in a header (RFC 2047 5.3). */
static bool
is_q_plain(char c)
{
	return ascii_is_alnum(c) || (c != '\0' && memchr("!*+-/", c, 5) != NULL);
}

static void
add_q(struct slice s, struct buf *out)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)s.data[i];

		if (c == ' ') {
			buf_add_char(out, '_');
		} else if (is_q_plain((char)c)) {
			buf_add_char(out, (char)c);
		} else {
			buf_add_char(out, '=');
			buf_add_char(out, hex[c >> 4]);
			buf_add_char(out, hex[c & 15]);
		}
	}
}

/* The octets that s takes as Q. */
static size_t
q_length(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += is_q_plain(s.data[i]) || s.data[i] == ' ' ? 1 : 3;
	return n;
}

static bool
needs_words(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < ' ' || text.data[i] == 0x7F)
			return true;
	}
	return slice_search(text, SLICE("=?")) >= 0;
}

/* How much of s, in whole characters, one word can carry. */
static size_t
word_share(struct slice s, bool as_q)
{
	size_t len = 0, room = WORD_LONGEST - WORD_FRAME;

	while (len < s.len) {
		size_t taken, needed;
		bool wrong;

		utf8_next(slice_from(s, len), &taken, &wrong);
		needed = as_q ? q_length(slice_sub(s, 0, len + taken)) : (len + taken + 2) / 3 * 4;
		if (needed > room)
			break;
		len += taken;
	}
	return len;
}

void
word_encode(struct slice text, struct buf *out)
{
	bool as_q = q_length(text) <= (text.len + 2) / 3 * 4;

	if (!needs_words(text)) {
		buf_add_slice(out, text);
		return;
	}
	for (bool first = true; text.len > 0; first = false) {
		struct slice part = slice_sub(text, 0, word_share(text, as_q));

		buf_add_text(out, first ? "=?utf-8?" : "\r\n =?utf-8?");
		buf_add_text(out, as_q ? "Q?" : "B?");
		if (as_q)
			add_q(part, out);
		else
			base64_encode(out, part);
		buf_add_text(out, "?=");
		text = slice_from(text, part.len);
	}
}
