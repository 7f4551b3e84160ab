#include "smtpd/listener/data.h"

#include "common/base/limits.h"
#include "common/base/utf8.h"

#include <string.h>

void
smtp_data_init(struct smtp_data *b, uint64_t most)
{
	*b = (struct smtp_data){.state = DATA_LINE_START, .most = most};
}

static void
keep(struct smtp_data *b, struct slice s, struct buf *out)
{
	b->line += s.len;
	b->has_long_line |= b->line > LIMIT_TEXT_LINE;
	b->size += s.len;
	if (b->size > b->most) {
		b->is_too_big = true;
		return;
	}
	if (!b->has_8bit)
		b->has_8bit = !utf8_is_ascii(s);
	buf_add_slice(out, s);
}

/* The octets of a line up to its CR or LF; returns how many were taken. */
static size_t
feed_line(struct smtp_data *b, struct slice in, struct buf *out)
{
	const char *lf = memchr(in.data, '\n', in.len);
	size_t n = lf == NULL ? in.len : (size_t)(lf - in.data);
	const char *cr = memchr(in.data, '\r', n);

	if (cr != NULL) {
		n = (size_t)(cr - in.data);
		keep(b, slice_sub(in, 0, n), out);
		b->state = DATA_AFTER_CR;
		return n + 1;
	}
	if (lf == NULL) {
		keep(b, in, out);
		return in.len;
	}
	b->has_bare = true;
	keep(b, slice_sub(in, 0, n + 1), out);
	return n + 1;
}

/* One octet in a state that looks at one; returns how many were taken (0: look again). */
static size_t
feed_octet(struct smtp_data *b, char c, struct buf *out)
{
	switch (b->state) {
	case DATA_LINE_START:
		b->state = c == '.' ? DATA_DOT : DATA_IN_LINE;
		return c == '.' ? 1 : 0;
	case DATA_DOT:
		b->state = c == '\r' ? DATA_DOT_CR : DATA_IN_LINE;
		return c == '\r' ? 1 : 0;
	case DATA_DOT_CR:
		if (c == '\n') {
			b->state = DATA_END;
			return 1;
		}
		b->has_bare = true;
		keep(b, SLICE("\r"), out);
		b->state = DATA_IN_LINE;
		return 0;
	case DATA_AFTER_CR:
		if (c == '\n') {
			keep(b, SLICE("\r\n"), out);
			b->line = 0;
			b->state = DATA_LINE_START;
			return 1;
		}
		b->has_bare = true;
		keep(b, SLICE("\r"), out);
		b->state = DATA_IN_LINE;
		return 0;
	case DATA_IN_LINE:
	case DATA_END:
		break;
	}
	return 0;
}

size_t
smtp_data_feed(struct smtp_data *b, struct slice octets, struct buf *out)
{
	size_t at = 0;

	while (at < octets.len && b->state != DATA_END) {
		if (b->state == DATA_IN_LINE)
			at += feed_line(b, slice_from(octets, at), out);
		else
			at += feed_octet(b, octets.data[at], out);
	}
	return at;
}
