#include "common/net/line.h"

#include "common/base/limits.h"

static enum stream_result
skip_line(struct line_skip *skip, struct slice *octets, ptrdiff_t end)
{
	size_t n = end < 0 ? octets->len : (size_t)end + 1;

	skip->is_skipping = end < 0;
	skip->octets += n;
	*octets = slice_from(*octets, n);
	if (skip->is_skipping)
		return skip->octets > LIMIT_TEXT_LINE ? STREAM_FLOOD : STREAM_AGAIN;
	skip->octets = 0;
	return STREAM_TOO_LONG;
}

enum stream_result
line_take(struct line_skip *skip, struct slice *octets, size_t max, struct slice *line)
{
	ptrdiff_t end = slice_find(*octets, '\n');

	if (skip->is_skipping)
		return octets->len == 0 ? STREAM_AGAIN : skip_line(skip, octets, end);
	if (end < 0 && octets->len <= max + 1)
		return STREAM_AGAIN;
	if (end < 0 || (size_t)end > max + 1)
		return skip_line(skip, octets, end);
	*line = slice_sub(*octets, 0, (size_t)end);
	*octets = slice_from(*octets, (size_t)end + 1);
	if (line->len == 0 || line->data[line->len - 1] != '\r')
		return STREAM_BARE;
	line->len--;
	return STREAM_OK;
}
