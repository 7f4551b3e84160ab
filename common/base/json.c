#include "common/base/json.h"

#include "common/base/assert.h"
#include "common/base/utf8.h"

#include <inttypes.h>

enum { ESCAPE_LONGEST = sizeof("\\u001f") - 1 };

/* Whether a text of that many octets leaves the reserve alone. */
static bool
has_room(const struct json *j, size_t n)
{
	return j->out->len - j->begin + n <= JSON_MOST - JSON_RESERVE;
}

static void
comma(struct json *j)
{
	if (j->out->data[j->out->len - 1] != '{')
		buf_add_char(j->out, ',');
}

static void
begin_member(struct json *j, const char *name)
{
	ASSERT(j->depth > 0);
	comma(j);
	buf_printf(j->out, "\"%s\":", name);
}

static void
end_member(struct json *j)
{
	ASSERT(j->out->len - j->begin + j->depth <= JSON_MOST);
}

void
json_begin(struct json *j, struct buf *out)
{
	*j = (struct json){.out = out, .begin = out->len, .depth = 1};
	buf_add_char(out, '{');
}

void
json_begin_member(struct json *j, const char *name)
{
	begin_member(j, name);
	buf_add_char(j->out, '{');
	j->depth++;
	end_member(j);
}

void
json_end(struct json *j)
{
	ASSERT(j->depth > 0);
	buf_add_char(j->out, '}');
	j->depth--;
}

/* A character as it may stand in a string, ours or a terminal's: no control, no lone surrogate. */
static void
add_character(struct buf *out, struct slice octets, uint32_t code, bool is_wrong)
{
	if (is_wrong)
		buf_add_text(out, "\\ufffd");
	else if (code == '"' || code == '\\')
		buf_printf(out, "\\%c", (char)code);
	else if (code < ' ' || (code >= 127 && code < 160))
		buf_printf(out, "\\u%04x", code);
	else
		buf_add_slice(out, octets);
}

void
json_string(struct json *j, const char *name, struct slice value)
{
	begin_member(j, name);
	buf_add_char(j->out, '"');
	while (value.len > 0 && has_room(j, ESCAPE_LONGEST)) {
		size_t taken;
		bool is_wrong;
		uint32_t code = utf8_next(value, &taken, &is_wrong);

		add_character(j->out, slice_sub(value, 0, taken), code, is_wrong);
		value = slice_from(value, taken);
	}
	buf_add_char(j->out, '"');
	end_member(j);
}

void
json_number(struct json *j, const char *name, int64_t value)
{
	begin_member(j, name);
	buf_printf(j->out, "%" PRId64, value);
	end_member(j);
}

void
json_count(struct json *j, const char *name, uint64_t value)
{
	begin_member(j, name);
	buf_printf(j->out, "%" PRIu64, value);
	end_member(j);
}

void
json_flag(struct json *j, const char *name, bool value)
{
	begin_member(j, name);
	buf_add_text(j->out, value ? "true" : "false");
	end_member(j);
}

void
json_members(struct json *j, struct slice object)
{
	if (object.len <= sizeof("{}") - 1 || !has_room(j, object.len))
		return;
	comma(j);
	buf_add_slice(j->out, slice_sub(object, 1, object.len - 2));
}
