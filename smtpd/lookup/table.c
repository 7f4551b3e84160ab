#include "smtpd/lookup/table.h"

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/net/netaddr.h"
#include "smtpd/lookup/accounts.h"

#include <pwd.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MOST = 64 * 1024, REGEX_TEXT = 512 };

struct entry {
	char *key, *value;
};

struct table {
	char *name, *path;
	enum conf_backend backend;
	struct entry *entries;
	size_t count, next;
	struct hash index;      /* lower-case key -> entry */
};

static struct table *tables;
static size_t table_count;

static char *
lower(struct slice s)
{
	char *text = slice_text(s);

	for (char *p = text; *p != '\0'; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	return text;
}

static void
clear(struct table *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->entries[i].key);
		free(t->entries[i].value);
	}
	free(t->entries);
	hash_fini(&t->index);
	t->entries = NULL;
	t->count = 0;
}

static void
add(struct table *t, struct slice key, struct slice value)
{
	if ((t->count & (t->count - 1)) == 0)
		t->entries = mem_resize(t->entries, (t->count == 0 ? 1 : t->count * 2) * sizeof(*t->entries));
	t->entries[t->count].key = lower(key);
	t->entries[t->count].value = slice_text(value);
	t->count++;
}

static void
make_index(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		hash_add(&t->index, slice_of(t->entries[i].key), t->entries[i].value);
}

/* "key value…", "key: value" or "key"; of passwd "user:hash[:…]". */
static void
add_line(struct table *t, struct slice line)
{
	struct slice key;
	size_t n = 0;

	line = slice_trim(line);
	if (line.len == 0 || line.data[0] == '#')
		return;
	if (t->backend == BACKEND_PASSWD) {
		struct slice rest = line, hash = SLICE("");

		if (slice_split(&rest, ':', &key) && slice_split(&rest, ':', &hash))
			add(t, key, hash);
		return;
	}
	while (n < line.len && line.data[n] != ' ' && line.data[n] != '\t')
		n++;
	key = slice_sub(line, 0, n);
	if (key.len > 1 && key.data[key.len - 1] == ':')
		key.len--;
	else if (n < line.len) {
		struct slice rest = slice_trim(slice_from(line, n));

		if (rest.len > 0 && rest.data[0] == ':')
			line = slice_trim(slice_from(rest, 1)), n = 0;
	}
	add(t, key, slice_trim(n == 0 ? line : slice_from(line, n)));
}

static bool
read_file(struct table *t, struct error *why)
{
	FILE *f = fopen(t->path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (f == NULL)
		return error_errno(why, "table \"%s\": cannot read %s", t->name, t->path);
	while ((n = getline(&line, &size, f)) >= 0) {
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		if (n < LINE_MOST && memchr(line, 0, (size_t)n) == NULL)
			add_line(t, slice_make(line, (size_t)n));
	}
	free(line);
	fclose(f);
	make_index(t);
	return true;
}

static struct table *
find(struct slice name)
{
	for (size_t i = 0; i < table_count; i++) {
		if (slice_equal_text(name, tables[i].name))
			return &tables[i];
	}
	return NULL;
}

static struct table
load(const struct conf_table_node *node, struct table *old)
{
	struct table t = {.backend = node->table.backend};
	struct error why = {""};

	t.name = slice_text(node->table.name);
	t.path = slice_text(node->table.path);
	for (size_t i = 0; i < node->entry_count; i++)
		add(&t, node->entries[i].key, node->entries[i].value);
	if (t.backend == BACKEND_FILE || t.backend == BACKEND_PASSWD) {
		if (!read_file(&t, &why)) {
			log_warning("%s; its old content stays in force", why.text);
			if (old != NULL) {
				t.entries = old->entries;
				t.count = old->count;
				old->entries = NULL;
				old->count = 0;
				make_index(&t);
			}
		}
	} else {
		make_index(&t);
	}
	return t;
}

void
tables_apply(const struct conf *c)
{
	struct table *fresh = mem_array(c->table_count, sizeof(*fresh));

	for (size_t i = 0; i < c->table_count; i++)
		fresh[i] = load(&c->tables[i], find(c->tables[i].table.name));
	for (size_t i = 0; i < table_count; i++) {
		clear(&tables[i]);
		free(tables[i].name);
		free(tables[i].path);
	}
	free(tables);
	tables = fresh;
	table_count = c->table_count;
}

bool
tables_update(struct slice name, struct error *why)
{
	struct table *t = find(name), fresh;

	if (t == NULL || (t->backend != BACKEND_FILE && t->backend != BACKEND_PASSWD))
		return error_set(why, "there is no file table \"%.*s\"", SLICE_FMT(name));
	fresh = *t;
	fresh.entries = NULL;
	fresh.count = 0;
	hash_init(&fresh.index);
	if (!read_file(&fresh, why))
		return false;
	clear(t);
	*t = fresh;
	return true;
}

enum table_result
table_find(struct slice name, struct slice key, struct buf *value)
{
	struct table *t = find(name);
	char *low;
	const char *found;

	if (t == NULL)
		return TABLE_TEMPORARY;
	if (t->backend == BACKEND_ACCOUNTS)
		return accounts_find(key, value) ? TABLE_FOUND : TABLE_NOT_FOUND;
	low = lower(key);
	if (t->backend == BACKEND_SYSTEM) {
		struct passwd *pw = getpwnam(low);

		free(low);
		return pw == NULL ? TABLE_NOT_FOUND : TABLE_FOUND;
	}
	found = hash_find(&t->index, slice_of(low));
	free(low);
	if (found != NULL && value != NULL)
		buf_add_text(value, found);
	return found != NULL ? TABLE_FOUND : TABLE_NOT_FOUND;
}

enum table_result
table_has_domain(struct slice name, struct slice domain)
{
	struct table *t = find(name);
	enum table_result r;

	if (t == NULL)
		return TABLE_TEMPORARY;
	if (t->backend == BACKEND_ACCOUNTS)
		return accounts_have_domain(domain) ? TABLE_FOUND : TABLE_NOT_FOUND;
	r = table_find(name, domain, NULL);
	for (size_t i = 0; r == TABLE_NOT_FOUND && i < t->count; i++) {
		struct slice key = slice_of(t->entries[i].key);

		if (slice_has_prefix(key, SLICE("*.")) && slice_has_suffix_nocase(domain, slice_from(key, 1)))
			r = TABLE_FOUND;
	}
	return r;
}

/* user@*.domain */
static bool
is_wild(struct slice key, struct slice address)
{
	ptrdiff_t star = slice_search(key, SLICE("@*.")), at = slice_find_last(address, '@');

	return star >= 0 && at >= 0 && slice_equal_nocase(slice_sub(key, 0, (size_t)star), slice_sub(address, 0, (size_t)at)) &&
	    slice_has_suffix_nocase(slice_from(address, (size_t)at), slice_from(key, (size_t)star + 2));
}

enum table_result
table_has_address(struct slice name, struct slice address)
{
	struct table *t = find(name);
	ptrdiff_t at = slice_find_last(address, '@');
	enum table_result r = table_find(name, address, NULL);

	if (r == TABLE_NOT_FOUND && at >= 0)
		r = table_find(name, slice_from(address, (size_t)at), NULL);
	if (r == TABLE_NOT_FOUND && at > 0)
		r = table_find(name, slice_sub(address, 0, (size_t)at), NULL);
	for (size_t i = 0; r == TABLE_NOT_FOUND && i < t->count; i++) {
		if (is_wild(slice_of(t->entries[i].key), address))
			r = TABLE_FOUND;
	}
	return r;
}

enum table_result
table_has_netaddr(struct slice name, struct slice address)
{
	struct table *t = find(name);
	struct netaddr a;

	if (t == NULL)
		return TABLE_TEMPORARY;
	if (!netaddr_parse(address, &a))
		return table_find(name, address, NULL);
	for (size_t i = 0; i < t->count; i++) {
		if (netaddr_in_prefix(&a, slice_of(t->entries[i].key)))
			return TABLE_FOUND;
	}
	return TABLE_NOT_FOUND;
}

enum table_result
table_matches(struct slice name, struct slice text)
{
	struct table *t = find(name);
	char copy[REGEX_TEXT];

	if (t == NULL)
		return TABLE_TEMPORARY;
	if (!slice_copy(text, copy, sizeof(copy)))
		return TABLE_NOT_FOUND;
	for (size_t i = 0; i < t->count; i++) {
		regex_t r;
		bool found;

		if (regcomp(&r, t->entries[i].key, REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
			return TABLE_TEMPORARY;
		found = regexec(&r, copy, 0, NULL, 0) == 0;
		regfree(&r);
		if (found)
			return TABLE_FOUND;
	}
	return TABLE_NOT_FOUND;
}

enum table_result
table_next(struct slice name, struct buf *value)
{
	struct table *t = find(name);

	if (t == NULL)
		return TABLE_TEMPORARY;
	if (t->count == 0)
		return TABLE_NOT_FOUND;
	t->next = (t->next + 1) % t->count;
	buf_add_text(value, t->entries[t->next].key);
	return TABLE_FOUND;
}
