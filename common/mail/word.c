#include "common/mail/word.h"

#include "common/base/ascii.h"
#include "common/base/encode.h"
#include "common/mail/charset.h"
#include "common/mail/decode.h"

struct word {
	struct slice charset, text;
	char how; /* b or q */
};

/* The words that were read but not converted yet: one charset, octets decoded. */
struct pending {
	struct slice charset;
	struct buf octets;
};

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
			c = (char)(hex_digit(s.data[i + 1]) << 4 | hex_digit(s.data[i + 2]));
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
		if (!ascii_is_blank(s.data[i]))
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
		    !(run + 1 < s.len && ascii_is_blank(s.data[run + 1])))
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
