#include "common/mail/line_end.h"

#include <string.h>

/* The first LF at or after an offset that has no CR before it; the message's end: there is none. */
static size_t
next_bare(struct slice message, size_t at)
{
	const char *lf;

	while (
	    at < message.len && (lf = memchr(message.data + at, '\n', message.len - at)) != NULL) {
		at = (size_t)(lf - message.data);
		if (at == 0 || message.data[at - 1] != '\r')
			return at;
		at++;
	}
	return message.len;
}

bool
line_end_is_bare(struct slice message)
{
	return next_bare(message, 0) < message.len;
}

void
line_end_mend(struct buf *out, struct slice message)
{
	size_t from = 0, bare;

	while ((bare = next_bare(message, from)) < message.len) {
		buf_add_slice(out, slice_sub(message, from, bare - from));
		buf_add(out, "\r\n", 2);
		from = bare + 1;
	}
	buf_add_slice(out, slice_from(message, from));
}
