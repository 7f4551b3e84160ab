/*
 * Invariants:
 * 1. What was read once stays in force until something newer was read whole and without error.
 * 2. A table that could not be read at all never says "not found": mail waits rather than bounces.
 */
#include "smtpd/lookup/table.h"

#include "common/base/log.h"
#include "common/base/mem.h"

static struct table *tables;
static size_t table_count;
static char delimiter; /* between a user and a detail */

static const struct table_backend *
backend_of(const struct conf_table *t)
{
	switch ((enum conf_backend)t->backend) {
	case BACKEND_STATIC:
		return &table_static;
	case BACKEND_FILE:
		return &table_file;
	case BACKEND_PASSWD:
		return &table_passwd;
	case BACKEND_ACCOUNTS:
		return &table_accounts;
	case BACKEND_SYSTEM:
		return &table_system;
	}
	return &table_static;
}

static struct table *
find_table(struct slice name)
{
	for (size_t i = 0; i < table_count; i++)
		if (slice_equal_text(name, tables[i].name))
			return &tables[i];
	return NULL;
}

static bool
load(struct table *t, const struct conf_table_node *node, struct error *why)
{
	struct error what = {""};
	struct content *fresh = t->backend->load(t, node, &what);

	if (fresh == NULL || (t->is_regex && !content_compile(fresh, &what))) {
		content_free(fresh);
		return error_set(why, "table \"%s\": %.400s", t->name, what.text);
	}
	content_free(t->content);
	t->content = fresh;
	return true;
}

/* Whether a rule takes the table's keys as regular expressions. */
static bool
wants_regex(const struct conf *c, struct slice name)
{
	for (size_t i = 0; i < c->match_count; i++)
		for (size_t j = 0; j < c->matches[i].condition_count; j++)
			if (c->matches[i].conditions[j].regex &&
			    slice_equal(c->matches[i].conditions[j].table, name))
				return true;
	return false;
}

static void
clear(struct table *t)
{
	free(t->name);
	free(t->path);
	content_free(t->content);
}

static struct table
make(const struct conf *c, const struct conf_table_node *node)
{
	struct table *old = find_table(node->table.name);
	struct error why = {""};
	struct table t = {.name = slice_text(node->table.name),
	    .path = slice_text(node->table.path),
	    .backend = backend_of(&node->table),
	    .is_regex = wants_regex(c, node->table.name)};

	if (t.backend->load == NULL || load(&t, node, &why))
		return t;
	if (old == NULL || old->backend != t.backend || old->content == NULL ||
	    !slice_equal_text(node->table.path, old->path) || old->is_regex != t.is_regex) {
		log_error("%s; what needs this table waits until it can be read", why.text);
		return t;
	}
	log_warning("%s; its old content stays in force", why.text);
	t.content = old->content;
	old->content = NULL;
	return t;
}

void
tables_apply(const struct conf *c)
{
	struct table *fresh = mem_array(c->table_count + 1, sizeof(*fresh));

	for (size_t i = 0; i < c->table_count; i++)
		fresh[i] = make(c, &c->tables[i]);
	tables_free();
	delimiter = (char)c->global.sub_addr_delim;
	tables = fresh;
	table_count = c->table_count;
}

void
tables_free(void)
{
	for (size_t i = 0; i < table_count; i++)
		clear(&tables[i]);
	free(tables);
	tables = NULL;
	table_count = 0;
}

bool
tables_update(struct slice name, struct error *why)
{
	struct table *t = find_table(name);
	struct error what = {""};
	bool ok = true;

	if (name.len > 0 && t == NULL)
		return error_set(why, "there is no table \"%.*s\"", SLICE_FMT(name));
	for (size_t i = 0; i < table_count; i++) {
		if ((t != NULL && t != &tables[i]) || tables[i].path[0] == '\0' ||
		    tables[i].backend->load == NULL)
			continue;
		if (!load(&tables[i], NULL, &what)) {
			log_warning("%s; its old content stays in force", what.text);
			ok = error_set(why, "%.450s; its old content stays in force", what.text);
		}
	}
	return ok;
}

enum table_result
table_find(struct slice name, enum table_service service, struct slice key, struct buf *value)
{
	const struct table *t = find_table(name);

	if (t == NULL) {
		log_error(
		    "a rule needs the table \"%.*s\", which is not configured", SLICE_FMT(name));
		return TABLE_TEMPORARY;
	}
	if (t->backend->load != NULL && t->content == NULL)
		return TABLE_TEMPORARY;
	return t->backend->find(t, service, key, value);
}

enum table_result
table_next(struct slice name, struct buf *value)
{
	struct table *t = find_table(name);
	struct slice key, unused;

	if (t == NULL || t->content == NULL)
		return TABLE_TEMPORARY;
	if (content_count(t->content) == 0)
		return TABLE_NONE;
	content_entry(t->content, t->next++ % content_count(t->content), &key, &unused);
	buf_add_slice(value, key);
	return TABLE_FOUND;
}

bool
table_is(struct slice name, const struct table_backend *backend)
{
	const struct table *t = find_table(name);

	return t != NULL && t->backend == backend;
}

bool
table_sample(struct slice name, struct buf *value)
{
	const struct table *t = find_table(name);
	struct slice key, unused;

	if (t == NULL || t->content == NULL || content_count(t->content) == 0)
		return false;
	content_entry(t->content, 0, &key, &unused);
	return t->backend->find(t, TABLE_CREDENTIALS, key, value) == TABLE_FOUND;
}

enum table_result
table_find_content(
    const struct table *t, enum table_service service, struct slice key, struct buf *value)
{
	struct slice found = SLICE("");
	bool ok = false;

	switch (service) {
	case TABLE_DOMAIN:
	case TABLE_RELAYHOST:
		ok = content_find_domain(t->content, key, &found);
		break;
	case TABLE_NETADDR:
		ok = content_find_network(t->content, key, &found);
		break;
	case TABLE_MAILADDR:
		ok = content_find_address(t->content, key, delimiter, &found);
		break;
	case TABLE_REGEX:
		ok = content_find_regex(t->content, key, &found);
		break;
	case TABLE_ALIAS:
	case TABLE_CREDENTIALS:
	case TABLE_USERINFO:
	case TABLE_SOURCE:
	case TABLE_ADDRNAME:
	case TABLE_MAILADDRMAP:
	case TABLE_STRING:
		ok = content_find(t->content, key, &found);
		break;
	}
	if (ok && value != NULL)
		buf_add_slice(value, found);
	return ok ? TABLE_FOUND : TABLE_NONE;
}
