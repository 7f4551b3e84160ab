#include "common/mail/reply.h"

#include "common/base/ascii.h"
#include "common/base/limits.h"

enum {
	ONE_LINE = 900, /* octets of a reply told on one line: it goes into bounces and logs */
	LINES = 1000,
};

void
reply_init(struct reply *r)
{
	*r = (struct reply){.code = 0};
	buf_init(&r->text, LIMIT_SMTP_REPLIES);
	buf_init(&r->line, ONE_LINE);
}

void
reply_fini(struct reply *r)
{
	buf_fini(&r->text);
	buf_fini(&r->line);
}

void
reply_reset(struct reply *r)
{
	reply_fini(r);
	reply_init(r);
}

/* Takes 1 to most digits off the text. */
static bool
take_digits(struct slice *text, size_t most)
{
	size_t n = 0;

	while (n < text->len && n < most && ascii_is_digit(text->data[n]))
		n++;
	*text = slice_from(*text, n);
	return n > 0;
}

static bool
take_dot(struct slice *text)
{
	if (text->len == 0 || text->data[0] != '.')
		return false;
	*text = slice_from(*text, 1);
	return true;
}

/* class "." subject "." detail (RFC 3463 2), of one, three and three digits at most. */
struct slice
reply_find_status(struct slice text)
{
	struct slice rest = text;

	if (text.len == 0 || (text.data[0] != '2' && text.data[0] != '4' && text.data[0] != '5'))
		return SLICE("");
	if (!take_digits(&rest, 1) || !take_dot(&rest) || !take_digits(&rest, 3) ||
	    !take_dot(&rest) || !take_digits(&rest, 3))
		return SLICE("");
	if (rest.len > 0 && rest.data[0] != ' ')
		return SLICE("");
	return slice_sub(text, 0, text.len - rest.len);
}

/* Printable ASCII; anything else, of which a terminal or a log could make something, is a "?". */
static void
add_printable(struct buf *out, struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		unsigned char c = (unsigned char)(s.data[i] == '\t' ? ' ' : s.data[i]);

		buf_add_char(out, c < ' ' || c >= 127 ? '?' : (char)c);
	}
}

/* The code a line begins with; 0: it is no line of a reply. */
static int
line_code(struct slice line)
{
	if (line.len < 3 || line.data[0] < '2' || line.data[0] > '5' || line.data[1] > '5' ||
	    !ascii_is_digit(line.data[1]) || !ascii_is_digit(line.data[2]))
		return 0;
	if (line.len > 3 && line.data[3] != ' ' && line.data[3] != '-')
		return 0;
	return (line.data[0] - '0') * 100 + (line.data[1] - '0') * 10 + (line.data[2] - '0');
}

enum reply_result
reply_feed(struct reply *r, struct slice line)
{
	int code = line_code(line);
	struct slice text = slice_from(line, 4), status = SLICE("");

	if (code == 0 || (r->code != 0 && code != r->code) || ++r->lines > LINES || r->is_done)
		return REPLY_BAD;
	if (code != 220)
		status = reply_find_status(text);
	if (status.len > 0 && status.data[0] == line.data[0]) {
		if (r->status[0] == '\0')
			slice_copy(status, r->status, sizeof(r->status));
		text = slice_trim(slice_from(text, status.len));
	}
	if (r->code != 0)
		buf_add_char(&r->text, '\n');
	r->code = code;
	add_printable(&r->text, text);
	if (buf_overflowed(&r->text))
		return REPLY_BAD;
	r->is_done = line.len == 3 || line.data[3] == ' ';
	return r->is_done ? REPLY_DONE : REPLY_MORE;
}

struct slice
reply_text(const struct reply *r)
{
	return buf_slice(&r->text);
}

const char *
reply_line(struct reply *r)
{
	struct slice text = buf_slice(&r->text);

	buf_clear(&r->line);
	buf_printf(&r->line, "%d", r->code);
	if (r->status[0] != '\0')
		buf_printf(&r->line, " %s", r->status);
	for (size_t i = 0; i < text.len && r->line.len < ONE_LINE - 1; i++) {
		if (i == 0)
			buf_add_char(&r->line, ' ');
		buf_add_char(&r->line, text.data[i] == '\n' ? ' ' : text.data[i]);
	}
	return buf_text(&r->line);
}

struct slice
reply_status(const struct reply *r)
{
	static const char *const classes[] = {"2.0.0", "2.0.0", "4.0.0", "5.0.0"};

	if (r->status[0] != '\0')
		return slice_of(r->status);
	return r->code < 200 ? SLICE("4.0.0") : slice_of(classes[r->code / 100 - 2]);
}
