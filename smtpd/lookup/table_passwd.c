/*
 * passwd: lines as passwd(5) has them, user:hash[:uid:gid:gecos:home:shell], of users that are not
 * the system's. It gives credentials and user information.
 */
#include "smtpd/lookup/table.h"

#include "smtpd/lookup/file.h"

enum { FIELDS = 7 };

static bool
take_line(void *owner, struct slice line, struct error *why)
{
	struct slice rest = slice_trim(line), user;

	if (rest.len == 0 || rest.data[0] == '#')
		return true;
	if (slice_find(rest, ':') <= 0)
		return error_set(why, "write user:hash, the hash as smtpctl encrypt prints it");
	slice_split(&rest, ':', &user);
	content_add(owner, user, rest);
	return true;
}

static struct content *
load(const struct table *t, const struct conf_table_node *node, struct error *why)
{
	struct content *c = content_new();
	struct buf text = {0};

	if (!file_read(t->path, LIMIT_TABLE_FILE, &text, why) ||
	    !file_lines(buf_slice(&text), take_line, c, t->path, why)) {
		content_free(c);
		c = NULL;
	}
	buf_fini(&text);
	return c;
}

static void
add_value(enum table_service service, struct slice line, struct buf *value)
{
	struct slice fields[FIELDS] = {{NULL, 0}};

	for (size_t i = 0; i < FIELDS && slice_split(&line, ':', &fields[i]); i++)
		;
	if (service == TABLE_CREDENTIALS)
		buf_add_slice(value, fields[0]);
	else if (service == TABLE_USERINFO)
		buf_printf(value, "%.*s:%.*s:%.*s", SLICE_FMT(fields[1]), SLICE_FMT(fields[2]),
		    SLICE_FMT(fields[4]));
	else if (service == TABLE_MAILADDRMAP)
		buf_add_slice(value, SLICE(""));
}

static enum table_result
find(const struct table *t, enum table_service service, struct slice key, struct buf *value)
{
	struct slice line;

	if (service != TABLE_CREDENTIALS && service != TABLE_USERINFO && service != TABLE_STRING)
		return table_find_content(t, service, key, NULL);
	if (!content_find(t->content, key, &line))
		return TABLE_NONE;
	if (value != NULL)
		add_value(service, line, value);
	return TABLE_FOUND;
}

const struct table_backend table_passwd = {.load = load, .find = find};
