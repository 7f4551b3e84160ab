#include "smtpd/parent/logger/lines.h"

static void
end_line(struct lines *l, struct slice part, void (*taken)(void *, struct slice), void *owner)
{
	if (l->rest.len == 0) {
		if (part.len > 0)
			taken(owner, slice_sub(part, 0, LINES_MOST));
		return;
	}
	buf_add_slice(&l->rest, slice_sub(part, 0, LINES_MOST - l->rest.len));
	taken(owner, buf_slice(&l->rest));
	buf_clear(&l->rest);
}

void
lines_add(struct lines *l, struct slice octets, void (*taken)(void *, struct slice), void *owner)
{
	ptrdiff_t end;

	while ((end = slice_find(octets, '\n')) >= 0) {
		end_line(l, slice_sub(octets, 0, (size_t)end), taken, owner);
		octets = slice_from(octets, (size_t)end + 1);
	}
	buf_add_slice(&l->rest, slice_sub(octets, 0, LINES_MOST - l->rest.len));
}

void
lines_end(struct lines *l, void (*taken)(void *, struct slice), void *owner)
{
	end_line(l, SLICE(""), taken, owner);
	buf_fini(&l->rest);
}

static enum log_level
level_of(struct slice line)
{
	struct slice word;
	enum log_event event;

	if (!slice_has_prefix(line, SLICE("event=")))
		return LOG_LEVEL_WARNING;
	line = slice_from(line, sizeof("event=") - 1);
	return slice_word(&line, &word) && log_event_find(word, &event) ? log_event_level(event)
									: LOG_LEVEL_WARNING;
}

enum log_level
lines_clean(struct buf *out, const char *name, struct slice line)
{
	struct slice own = slice_of(name);

	if (slice_has_prefix(line, own) && slice_has_prefix(slice_from(line, own.len), SLICE(": ")))
		line = slice_from(line, own.len + 2);
	buf_printf(out, "%s: ", name);
	for (size_t i = 0; i < line.len; i++) {
		char c = line.data[i];

		buf_add_char(out, c >= ' ' && c < 127 ? c : '?');
	}
	return level_of(line);
}
