#include "pop3d/retrieve.h"

#include "common/base/mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 32 * 1024 };

void
pop3_retrieve_start(
    struct pop3_retrieve *r, struct slice octets, int fd, uint64_t size, uint64_t lines)
{
	*r = (struct pop3_retrieve){
	    .fd = fd, .lines = lines, .is_active = true, .is_line_start = true};
	r->size = fd >= 0 ? size : octets.len;
	if (fd < 0)
		r->octets = mem_text(octets.data, octets.len);
}

void
pop3_retrieve_stop(struct pop3_retrieve *r)
{
	if (!r->is_active)
		return;
	free(r->octets);
	if (r->fd >= 0)
		close(r->fd);
	*r = (struct pop3_retrieve){.fd = -1};
}

/* Counts the lines of a TOP; true when the line that just ended was the last wanted. */
static bool
is_enough(struct pop3_retrieve *r, bool was_empty)
{
	if (!r->is_in_body) {
		r->is_in_body = was_empty;
		return r->is_in_body && r->lines == 0;
	}
	return r->lines != UINT64_MAX && --r->lines == 0;
}

/* Appends a line, or part of one; has_cr: CR is before its end. Each ends in CR LF, even where the
 * message has LF alone: a client may look for nothing else, and would not see the dot at
 * the end. */
static void
add_line(struct pop3_retrieve *r, struct slice line, bool is_end, bool has_cr, struct buf *out)
{
	if (r->is_line_start && line.data[0] == '.')
		buf_add_char(out, '.');
	if (is_end) {
		buf_add(out, line.data, line.len - 1);
		buf_add_text(out, has_cr ? "\n" : "\r\n");
	} else {
		buf_add_slice(out, line);
	}
	r->is_after_cr = line.data[line.len - 1] == '\r';
	r->is_line_start = is_end;
}

/* Appends octets with dots doubled; returns false when TOP has all it wanted. */
static bool
add_block(struct pop3_retrieve *r, struct slice s, struct buf *out)
{
	while (s.len > 0) {
		const char *lf = memchr(s.data, '\n', s.len);
		size_t n = lf == NULL ? s.len : (size_t)(lf - s.data) + 1;
		bool has_cr = n > 1 ? s.data[n - 2] == '\r' : r->is_after_cr, was_empty;

		add_line(r, slice_sub(s, 0, n), lf != NULL, has_cr, out);
		r->line += n;
		s = slice_from(s, n);
		if (lf == NULL)
			break;
		was_empty = r->line == (has_cr ? 2 : 1);
		r->line = 0;
		if (is_enough(r, was_empty))
			return false;
	}
	return true;
}

static void
end(const struct pop3_retrieve *r, struct buf *out)
{
	buf_add_text(out, r->is_line_start ? ".\r\n" : "\r\n.\r\n");
}

bool
pop3_retrieve_next(struct pop3_retrieve *r, struct buf *out, bool *failed)
{
	char block[BLOCK];
	size_t want = r->size - r->at < sizeof(block) ? (size_t)(r->size - r->at) : sizeof(block);
	struct slice s;

	*failed = false;
	if (r->octets != NULL) {
		s = slice_make(r->octets + r->at, want);
	} else {
		ssize_t n;

		do
			n = pread(r->fd, block, want, (off_t)r->at);
		while (n < 0 && errno == EINTR);
		if (n < 0 || (n == 0 && want > 0)) {
			*failed = true;
			return false;
		}
		s = slice_make(block, (size_t)n);
	}
	r->at += s.len;
	if (add_block(r, s, out) && r->at < r->size)
		return true;
	end(r, out);
	return false;
}
