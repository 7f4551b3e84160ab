/*
 * file: a list, one key a line, or a mapping, a key and a value a line, as table(5) says. The first
 * line decides which, unless "# @list" stands above it.
 */
#include "smtpd/lookup/table.h"

#include "common/net/netaddr.h"
#include "smtpd/lookup/file.h"

enum layout { UNDECIDED, LIST, MAPPING };

struct reader {
	struct content *content;
	enum layout layout;
	struct buf key, value; /* of a mapping's line, which the next may go on with */
};

/* Where key and value part: a blank, or a colon that is neither an address's nor a URL's. */
static ptrdiff_t
separator(struct slice line)
{
	struct netaddr unused;
	ptrdiff_t slash = slice_find(line, '/');

	if (netaddr_parse(slash < 0 ? line : slice_sub(line, 0, (size_t)slash), &unused))
		return -1;
	for (size_t i = 0; i < line.len; i++) {
		if (line.data[i] == ' ' || line.data[i] == '\t')
			return (ptrdiff_t)i;
		if (line.data[i] == ':' && !slice_has_prefix(slice_from(line, i + 1), SLICE("//")))
			return (ptrdiff_t)i;
	}
	return -1;
}

/* The value may stand below its key. */
static bool
finish_entry(struct reader *r, struct error *why)
{
	if (r->key.len > 0 && r->value.len == 0)
		return error_set(why, "\"%.100s\" has no value", buf_text(&r->key));
	if (r->key.len > 0)
		content_add(r->content, buf_slice(&r->key), buf_slice(&r->value));
	buf_clear(&r->key);
	buf_clear(&r->value);
	return true;
}

/* Whether an indented line belongs to the entry above it. */
static bool
goes_on(const struct reader *r)
{
	return r->key.len > 0 && (r->value.len == 0 || r->value.data[r->value.len - 1] == ',');
}

static bool
take_mapping(struct reader *r, struct slice line, struct error *why)
{
	ptrdiff_t at = separator(line);
	struct slice value;

	if (at <= 0)
		return error_set(why,
		    "\"%.*s\" has no value; write a key, a blank or colon, and a "
		    "value, or make the file a list by a first line \"# @list\"",
		    line.len > 100 ? 100 : (int)line.len, line.data);
	value = slice_trim(slice_from(line, (size_t)at));
	if (value.len > 0 && value.data[0] == ':')
		value = slice_trim(slice_from(value, 1));
	buf_add_slice(&r->key, slice_sub(line, 0, (size_t)at));
	buf_add_slice(&r->value, value);
	return true;
}

static bool
take_line(void *owner, struct slice line, struct error *why)
{
	struct reader *r = owner;
	bool is_indented = line.len > 0 && (line.data[0] == ' ' || line.data[0] == '\t');
	struct slice text = slice_trim(line);

	if (text.len == 0)
		return true;
	if (text.data[0] == '#') {
		if (r->layout == UNDECIDED &&
		    slice_equal_text(slice_trim(slice_from(text, 1)), "@list"))
			r->layout = LIST;
		return true;
	}
	if (is_indented && goes_on(r)) {
		buf_printf(&r->value, "%s%.*s", r->value.len > 0 ? " " : "", SLICE_FMT(text));
		return true;
	}
	if (!finish_entry(r, why))
		return false;
	if (r->layout == UNDECIDED)
		r->layout = separator(text) < 0 ? LIST : MAPPING;
	if (r->layout == MAPPING)
		return take_mapping(r, text, why);
	content_add(r->content, text, SLICE(""));
	return true;
}

static struct content *
load(const struct table *t, const struct conf_table_node *node, struct error *why)
{
	struct reader r = {.content = content_new()};
	struct buf text = {0};
	struct error last;
	bool ok = file_read(t->path, LIMIT_TABLE_FILE, &text, why) &&
		  file_lines(buf_slice(&text), take_line, &r, t->path, why);

	if (ok && !finish_entry(&r, &last))
		ok = error_set(why, "%s: %.400s", t->path, last.text);
	if (!ok) {
		content_free(r.content);
		r.content = NULL;
	}
	buf_fini(&text);
	buf_fini(&r.key);
	buf_fini(&r.value);
	return r.content;
}

const struct table_backend table_file = {.load = load, .find = table_find_content};
