#include "common/conf/conf.h"

#include "common/base/assert.h"
#include "common/base/hash.h"
#include "common/base/mem.h"

#include <string.h>

IPC_DEFINE(CONF_SECTIONS)

struct conf *
conf_new(void)
{
	return mem_zero(sizeof(struct conf));
}

void
conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->table_count; i++)
		free(c->tables[i].entries);
	for (size_t i = 0; i < c->match_count; i++)
		free(c->matches[i].conditions);
	for (size_t i = 0; i < c->text_count; i++)
		free(c->texts[i]);
	free(c->texts);
	free(c->listens);
	free(c->pkis);
	free(c->cas);
	free(c->tables);
	free(c->actions);
	free(c->matches);
	free(c);
}

/* Room for one more item of an array that doubles at powers of two. */
static void *
grow(void *array, size_t count, size_t size)
{
	if (count != 0 && (count & (count - 1)) != 0)
		return array;
	return mem_resize(array, (count == 0 ? 1 : count * 2) * size);
}

struct slice
conf_keep(struct conf *c, struct slice s)
{
	c->texts = grow(c->texts, c->text_count, sizeof(char *));
	c->texts[c->text_count] = slice_text(s);
	return slice_make(c->texts[c->text_count++], s.len);
}

/* Gives the conf its own copy of every text of a section. */
static void
keep_texts(struct conf *c, const struct ipc_schema *schema, void *section)
{
	for (size_t i = 0; i < schema->count; i++) {
		const struct ipc_field *f = &schema->fields[i];
		char *at = (char *)section + f->offset;
		struct slice s;

		if (f->kind != IPC_TEXT && f->kind != IPC_OCTETS && f->kind != IPC_SECRET)
			continue;
		memcpy(&s, at, sizeof(s));
		s = conf_keep(c, s);
		memcpy(at, &s, sizeof(s));
	}
}

void
conf_set_global(struct conf *c, const struct conf_global *g)
{
	c->global = *g;
	keep_texts(c, &conf_global_schema, &c->global);
}

/* A plain section at the end of its array. */
#define ADD(array, count, section, schema) \
	do { \
		array = grow(array, count, sizeof(*(array))); \
		array[count] = *(section); \
		keep_texts(c, &(schema), &array[count]); \
		count++; \
	} while (0)

void
conf_add_listen(struct conf *c, const struct conf_listen *l)
{
	ADD(c->listens, c->listen_count, l, conf_listen_schema);
}

void
conf_add_pki(struct conf *c, const struct conf_pki *p)
{
	ADD(c->pkis, c->pki_count, p, conf_pki_schema);
}

void
conf_add_ca(struct conf *c, const struct conf_ca *ca)
{
	ADD(c->cas, c->ca_count, ca, conf_ca_schema);
}

void
conf_add_action(struct conf *c, const struct conf_action *a)
{
	ADD(c->actions, c->action_count, a, conf_action_schema);
}

void
conf_add_table(struct conf *c, const struct conf_table *t)
{
	c->tables = grow(c->tables, c->table_count, sizeof(*c->tables));
	c->tables[c->table_count] = (struct conf_table_node){.table = *t};
	keep_texts(c, &conf_table_schema, &c->tables[c->table_count].table);
	c->table_count++;
}

void
conf_add_entry(struct conf *c, const struct conf_entry *e)
{
	struct conf_table_node *t;

	ASSERT(c->table_count > 0);
	t = &c->tables[c->table_count - 1];
	ADD(t->entries, t->entry_count, e, conf_entry_schema);
}

void
conf_add_match(struct conf *c, const struct conf_match *m)
{
	c->matches = grow(c->matches, c->match_count, sizeof(*c->matches));
	c->matches[c->match_count] = (struct conf_match_node){.match = *m};
	keep_texts(c, &conf_match_schema, &c->matches[c->match_count].match);
	c->match_count++;
}

void
conf_add_condition(struct conf *c, const struct conf_condition *n)
{
	struct conf_match_node *m;

	ASSERT(c->match_count > 0);
	m = &c->matches[c->match_count - 1];
	ADD(m->conditions, m->condition_count, n, conf_condition_schema);
}

const struct conf_listen *
conf_find_listen(const struct conf *c, uint32_t id)
{
	for (size_t i = 0; i < c->listen_count; i++) {
		if (c->listens[i].id == id)
			return &c->listens[i];
	}
	return NULL;
}

const struct conf_pki *
conf_find_pki(const struct conf *c, struct slice name)
{
	for (size_t i = 0; i < c->pki_count; i++) {
		if (slice_equal_nocase(c->pkis[i].name, name))
			return &c->pkis[i];
	}
	return NULL;
}

const struct conf_ca *
conf_find_ca(const struct conf *c, struct slice name)
{
	for (size_t i = 0; i < c->ca_count; i++) {
		if (slice_equal_nocase(c->cas[i].name, name))
			return &c->cas[i];
	}
	return NULL;
}

const struct conf_table_node *
conf_find_table(const struct conf *c, struct slice name)
{
	for (size_t i = 0; i < c->table_count; i++) {
		if (slice_equal(c->tables[i].table.name, name))
			return &c->tables[i];
	}
	return NULL;
}

const struct conf_action *
conf_find_action(const struct conf *c, struct slice name)
{
	for (size_t i = 0; i < c->action_count; i++) {
		if (slice_equal(c->actions[i].name, name))
			return &c->actions[i];
	}
	return NULL;
}

uint8_t
conf_mailbox_of(struct slice account, int instances)
{
	static const uint64_t fixed[2] = {0x6b75726972, 0x6d61696c};

	return (uint8_t)(hash_keyed(fixed, account) % (uint64_t)instances);
}

static bool
send_tables(const struct conf *c, struct channel *to)
{
	for (size_t i = 0; i < c->table_count; i++) {
		const struct conf_table_node *t = &c->tables[i];

		if (!conf_table_send(to, 0, &t->table, -1))
			return false;
		for (size_t k = 0; k < t->entry_count; k++) {
			if (!conf_entry_send(to, 0, &t->entries[k], -1))
				return false;
		}
	}
	return true;
}

static bool
send_matches(const struct conf *c, struct channel *to)
{
	for (size_t i = 0; i < c->match_count; i++) {
		const struct conf_match_node *m = &c->matches[i];

		if (!conf_match_send(to, 0, &m->match, -1))
			return false;
		for (size_t k = 0; k < m->condition_count; k++) {
			if (!conf_condition_send(to, 0, &m->conditions[k], -1))
				return false;
		}
	}
	return true;
}

bool
conf_listen_is_of(const struct conf_listen *l, unsigned services)
{
	unsigned service = l->local ? SERVICE_SMTP : l->service;

	return services == 0 || (services & 1U << service) != 0;
}

bool
conf_send(const struct conf *c, struct channel *to, unsigned sees, unsigned services)
{
	bool ok = conf_global_send(to, 0, &c->global, -1);

	for (size_t i = 0; ok && (sees & CONF_SEES_LISTENS) && i < c->listen_count; i++) {
		if (conf_listen_is_of(&c->listens[i], services))
			ok = conf_listen_send(to, 0, &c->listens[i], -1);
	}
	for (size_t i = 0; ok && (sees & CONF_SEES_PKI) && i < c->pki_count; i++)
		ok = conf_pki_send(to, 0, &c->pkis[i], -1);
	for (size_t i = 0; ok && (sees & CONF_SEES_CA) && i < c->ca_count; i++)
		ok = conf_ca_send(to, 0, &c->cas[i], -1);
	for (size_t i = 0; ok && (sees & CONF_SEES_ACTIONS) && i < c->action_count; i++)
		ok = conf_action_send(to, 0, &c->actions[i], -1);
	if (ok && (sees & CONF_SEES_TABLES))
		ok = send_tables(c, to);
	if (ok && (sees & CONF_SEES_MATCHES))
		ok = send_matches(c, to);
	return ok;
}

bool
conf_receive(struct conf *c, const struct ipc_message *m)
{
	if (m->schema == &conf_global_schema)
		conf_set_global(c, m->body);
	else if (m->schema == &conf_listen_schema)
		conf_add_listen(c, m->body);
	else if (m->schema == &conf_pki_schema)
		conf_add_pki(c, m->body);
	else if (m->schema == &conf_ca_schema)
		conf_add_ca(c, m->body);
	else if (m->schema == &conf_table_schema)
		conf_add_table(c, m->body);
	else if (m->schema == &conf_action_schema)
		conf_add_action(c, m->body);
	else if (m->schema == &conf_match_schema)
		conf_add_match(c, m->body);
	else if (m->schema == &conf_entry_schema && c->table_count > 0)
		conf_add_entry(c, m->body);
	else if (m->schema == &conf_condition_schema && c->match_count > 0)
		conf_add_condition(c, m->body);
	else
		return false;
	return true;
}
