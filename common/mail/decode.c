/*
 * Invariant of the quoted-printable decoder: hold[] is empty, or blanks with at most one CR
 * after them, or an = with what followed it: one hexadecimal digit, or blanks and at most one
 * CR. So the next octet always decides, or hold[] is full and becomes text.
 */
#include "common/mail/decode.h"

#include "common/base/encode.h"
#include "common/mail/param.h"

/* The octets that fewer than four digits are worth; the spare bits are dropped. */
static void
base64_flush(struct decode *d, struct buf *out)
{
	if (d->digits >= 2)
		buf_add_char(out, (char)(d->bits >> (d->digits == 2 ? 4 : 10)));
	if (d->digits == 3)
		buf_add_char(out, (char)(d->bits >> 2));
	d->bits = 0;
	d->digits = 0;
}

static void
base64_feed(struct decode *d, struct slice octets, struct buf *out)
{
	char *room = buf_room(out, octets.len / 4 * 3 + 3), *at = room;

	for (size_t i = 0; room != NULL && i < octets.len; i++) {
		int value = base64_digit(octets.data[i]);

		if (value >= 0) {
			d->bits = d->bits << 6 | (uint32_t)value;
			if (++d->digits < 4)
				continue;
			*at++ = (char)(d->bits >> 16);
			*at++ = (char)(d->bits >> 8);
			*at++ = (char)d->bits;
			d->bits = 0;
			d->digits = 0;
		} else if (octets.data[i] == '=' && d->digits > 0) {
			/* Padding ends a run; another may follow where encoders joined several. */
			buf_grew(out, (size_t)(at - room));
			base64_flush(d, out);
			room = buf_room(out, (octets.len - i) / 4 * 3 + 3);
			at = room;
		}
	}
	if (room != NULL)
		buf_grew(out, (size_t)(at - room));
}

/* What was held is text after all. */
static void
qp_release(struct decode *d, struct buf *out)
{
	buf_add(out, d->hold, d->held);
	d->held = 0;
}

/* A line ends: blanks before it were padding, an = before it hides it (RFC 2045 6.7). */
static void
qp_line_end(struct decode *d, struct buf *out)
{
	bool soft = d->held > 0 && d->hold[0] == '=';

	/* "=A" and a line end is no soft break. */
	if (soft && d->held > 1 && hex_digit(d->hold[1]) >= 0) {
		qp_release(d, out);
		soft = false;
	}
	if (!soft) {
		if (d->held > 0 && d->hold[d->held - 1] == '\r')
			buf_add_char(out, '\r');
		buf_add_char(out, '\n');
	}
	d->held = 0;
}

/* Whether c continues what is held. */
static bool
qp_holds(const struct decode *d, char c)
{
	char last = d->held > 0 ? d->hold[d->held - 1] : '\0';
	bool after_digit = d->held > 1 && d->hold[0] == '=' && hex_digit(last) >= 0;

	if (d->held == DECODE_HELD || last == '\r' || after_digit)
		return false;
	if (c == ' ' || c == '\t' || c == '\r')
		return true;
	return c == '=' ? d->held == 0 : d->held == 1 && last == '=' && hex_digit(c) >= 0;
}

static void
qp_octet(struct decode *d, char c, struct buf *out)
{
	if (c == '\n') {
		qp_line_end(d, out);
		return;
	}
	if (d->held == 2 && d->hold[0] == '=' && hex_digit(d->hold[1]) >= 0 && hex_digit(c) >= 0) {
		buf_add_char(out, (char)(hex_digit(d->hold[1]) << 4 | hex_digit(c)));
		d->held = 0;
		return;
	}
	if (!qp_holds(d, c))
		qp_release(d, out);
	if (qp_holds(d, c))
		d->hold[d->held++] = c;
	else
		buf_add_char(out, c);
}

static void
qp_feed(struct decode *d, struct slice octets, struct buf *out)
{
	size_t at = 0;

	while (at < octets.len) {
		size_t run = at;

		while (d->held == 0 && run < octets.len && octets.data[run] > ' ' &&
		       octets.data[run] != '=')
			run++;
		buf_add(out, octets.data + at, run - at);
		at = run;
		if (at < octets.len)
			qp_octet(d, octets.data[at++], out);
	}
}

enum transfer_encoding
transfer_encoding_parse(struct slice value)
{
	static const struct {
		const char *name;
		enum transfer_encoding encoding;
	} names[] = {
	    {"7bit", ENCODING_7BIT},
	    {"8bit", ENCODING_8BIT},
	    {"binary", ENCODING_BINARY},
	    {"quoted-printable", ENCODING_QUOTED_PRINTABLE},
	    {"base64", ENCODING_BASE64},
	};

	value = param_word(value);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (slice_equal_text_nocase(value, names[i].name))
			return names[i].encoding;
	}
	return value.len == 0 ? ENCODING_7BIT : ENCODING_UNKNOWN;
}

void
decode_init(struct decode *d, enum transfer_encoding encoding)
{
	d->encoding = encoding;
	d->bits = 0;
	d->digits = 0;
	d->held = 0;
}

void
decode_feed(struct decode *d, struct slice octets, struct buf *out)
{
	switch (d->encoding) {
	case ENCODING_BASE64:
		base64_feed(d, octets, out);
		break;
	case ENCODING_QUOTED_PRINTABLE:
		qp_feed(d, octets, out);
		break;
	case ENCODING_7BIT:
	case ENCODING_8BIT:
	case ENCODING_BINARY:
	case ENCODING_UNKNOWN:
		buf_add_slice(out, octets);
		break;
	}
}

void
decode_finish(struct decode *d, struct buf *out)
{
	base64_flush(d, out);
	/* Blanks at the very end are padding too, and a lone = a soft break. */
	while (d->held > 0 && (d->hold[d->held - 1] == ' ' || d->hold[d->held - 1] == '\t'))
		d->held--;
	if (d->held == 1 && d->hold[0] == '=')
		d->held = 0;
	qp_release(d, out);
}

void
decode_all(enum transfer_encoding encoding, struct slice octets, struct buf *out)
{
	struct decode d;

	decode_init(&d, encoding);
	decode_feed(&d, octets, out);
	decode_finish(&d, out);
}
