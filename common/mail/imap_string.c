#include "common/mail/imap_string.h"

#include <string.h>

/* What a text holds decides how it can be written. */
enum { PLAIN = 0, NOT_ATOM = 1, ESCAPED = 2, LITERAL_ONLY = 4, DROPPED = 8 };

/* ASTRING-CHAR is any printing character but ( ) { % * " \ ; ] is allowed (RFC 9051 9). */
static unsigned
kind_of(unsigned char c)
{
	switch (c) {
	case '\0':
		return DROPPED;
	case '\r':
	case '\n':
		return LITERAL_ONLY;
	case '"':
	case '\\':
		return ESCAPED;
	case '(':
	case ')':
	case '{':
	case ' ':
	case '%':
	case '*':
	case 0x7F:
		return NOT_ATOM;
	default:
		return c >= 0x80 ? LITERAL_ONLY : c < ' ' ? NOT_ATOM : PLAIN;
	}
}

static unsigned
kinds_in(struct slice s)
{
	unsigned kinds = PLAIN;

	for (size_t i = 0; i < s.len; i++)
		kinds |= kind_of((unsigned char)s.data[i]);
	return kinds;
}

static void
add_without_nul(struct buf *out, struct slice s)
{
	struct slice part;

	while (slice_split(&s, '\0', &part))
		buf_add_slice(out, part);
}

static void
add_literal(struct buf *out, struct slice s, unsigned kinds)
{
	size_t len = s.len;

	if ((kinds & DROPPED) != 0) {
		for (size_t i = 0; i < s.len; i++)
			len -= s.data[i] == '\0';
	}
	buf_add_char(out, '{');
	buf_add_number(out, len);
	buf_add_text(out, "}\r\n");
	add_without_nul(out, s);
}

static void
add_quoted(struct buf *out, struct slice s, unsigned kinds)
{
	char *room = buf_room(out, 2 * s.len + 2), *at = room;

	if (room == NULL)
		return;
	*at++ = '"';
	if ((kinds & (ESCAPED | DROPPED)) == 0 && s.len > 0) {
		memcpy(at, s.data, s.len);
		at += s.len;
	} else {
		for (size_t i = 0; i < s.len; i++) {
			if (s.data[i] == '\0')
				continue;
			if (s.data[i] == '"' || s.data[i] == '\\')
				*at++ = '\\';
			*at++ = s.data[i];
		}
	}
	*at++ = '"';
	buf_grew(out, (size_t)(at - room));
}

static void
add_string(struct buf *out, struct slice s, unsigned kinds)
{
	if ((kinds & LITERAL_ONLY) != 0 || s.len > IMAP_QUOTED_LONGEST)
		add_literal(out, s, kinds);
	else
		add_quoted(out, s, kinds);
}

void
imap_string(struct buf *out, struct slice s)
{
	add_string(out, s, kinds_in(s));
}

void
imap_nstring(struct buf *out, struct slice s)
{
	if (s.data == NULL)
		buf_add(out, "NIL", 3);
	else
		imap_string(out, s);
}

void
imap_astring(struct buf *out, struct slice s)
{
	unsigned kinds = kinds_in(s);

	if (kinds == PLAIN && s.len > 0 && s.len <= IMAP_QUOTED_LONGEST &&
	    !slice_equal_nocase(s, SLICE("NIL")))
		buf_add_slice(out, s);
	else
		add_string(out, s, kinds);
}
