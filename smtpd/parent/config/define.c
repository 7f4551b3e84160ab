/* table, pki, ca, mda wrapper: what is defined above the lines that use it. */
#include "smtpd/parent/config/parser.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool
define_table(struct parser *p, struct place at, const char *name)
{
	struct conf_table t = {.name = slice_of(name), .backend = BACKEND_STATIC};

	if (conf_find_table(p->conf, t.name) != NULL)
		return config_fail(p, at, "the table \"%s\" is defined twice", name);
	if (!section_fits(p, at, &conf_table_schema, &t))
		return false;
	conf_add_table(p->conf, &t);
	return true;
}

static bool
add_table(struct parser *p, struct place at, const char *name, uint8_t backend, const char *path)
{
	if (path[0] != '/' && backend != BACKEND_ACCOUNTS && backend != BACKEND_SYSTEM)
		return config_fail(p, at, "table \"%s\": write the whole path, from / on", name);
	if (path[0] != '\0' && access(path, R_OK) != 0)
		return config_fail(
		    p, at, "table \"%s\": cannot read %.200s: %s", name, path, strerror(errno));
	if (!define_table(p, at, name))
		return false;
	p->conf->tables[p->conf->table_count - 1].table.backend = backend;
	p->conf->tables[p->conf->table_count - 1].table.path = conf_keep(p->conf, slice_of(path));
	return true;
}

/* "file:/path", "/path", "accounts"... Other kinds are programs, which this version has not. */
bool
define_table_at(struct parser *p, struct place at, const char *name, const char *source)
{
	static const struct {
		const char *word;
		enum conf_backend backend;
		bool has_path;
	} kinds[] = {{"file", BACKEND_FILE, true}, {"static", BACKEND_FILE, true},
	    {"passwd", BACKEND_PASSWD, true}, {"accounts", BACKEND_ACCOUNTS, false},
	    {"getpwnam", BACKEND_SYSTEM, false}};
	const char *colon = strchr(source, ':');
	size_t len = colon == NULL ? strlen(source) : (size_t)(colon - source);

	if (source[0] == '/')
		return add_table(p, at, name, BACKEND_FILE, source);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].word) != len || strncmp(kinds[i].word, source, len) != 0)
			continue;
		return add_table(p, at, name, (uint8_t)kinds[i].backend,
		    kinds[i].has_path && colon != NULL ? colon + 1 : "");
	}
	return config_fail(p, at,
	    "table \"%s\": \"%.100s\" is no kind of table; write file:/path, passwd:/path, "
	    "accounts, getpwnam or { … }",
	    name, source);
}

void
define_anonymous(struct parser *p)
{
	char name[32];
	struct conf_table t = {.backend = BACKEND_STATIC};

	do {
		snprintf(name, sizeof(name), "dynamic:%u", ++p->anonymous);
		t.name = slice_of(name);
	} while (conf_find_table(p->conf, t.name) != NULL);
	conf_add_table(p->conf, &t);
}

bool
define_entry(struct parser *p, struct place at, const char *key, const char *value)
{
	struct conf_entry e = {
	    .key = slice_of(key), .value = slice_of(value), .has_value = value != NULL};

	if (!section_fits(p, at, &conf_entry_schema, &e))
		return false;
	conf_add_entry(p->conf, &e);
	return true;
}

const char *
define_last_table(const struct parser *p)
{
	return p->conf->tables[p->conf->table_count - 1].table.name.data;
}

bool
refer_table(struct parser *p, struct place at, const char *name, const char **table)
{
	const struct conf_table_node *t = conf_find_table(p->conf, slice_of(name));

	if (t == NULL)
		return config_fail(p, at,
		    "the table <%s> is not defined; write above: table %s { … }", name, name);
	*table = t->table.name.data;
	return true;
}

/* A name of pki or ca: case does not matter. */
static struct slice
lower(struct parser *p, const char *name)
{
	struct buf text = {0};
	struct slice kept;

	buf_add_lower(&text, slice_of(name));
	kept = conf_keep(p->conf, buf_slice(&text));
	buf_fini(&text);
	return kept;
}

/* cert or key is NULL: they come on lines of their own. */
bool
define_pki(struct parser *p, struct place at, const char *name, const char *cert, const char *key)
{
	struct conf_pki new = {
	    .name = lower(p, name), .cert_path = SLICE("-"), .key_path = SLICE("-")};

	if (!value_path(p, at, cert != NULL ? cert : key, cert != NULL ? &new.cert_path : &new.key_path) ||
	    !section_fits(p, at, &conf_pki_schema, &new))
		return false;
	for (size_t i = 0; i < p->conf->pki_count; i++) {
		struct conf_pki *had = &p->conf->pkis[i];

		if (!slice_equal(had->name, new.name))
			continue;
		if ((cert != NULL ? had->cert_path : had->key_path).len > 0)
			return config_fail(p, at, "pki \"%s\" has two lines with %s", name,
			    cert != NULL ? "cert" : "key");
		*(cert != NULL ? &had->cert_path : &had->key_path) =
		    conf_keep(p->conf, cert != NULL ? new.cert_path : new.key_path);
		return true;
	}
	*(cert == NULL ? &new.cert_path : &new.key_path) = SLICE("");
	config_note(&p->pki_places, at);
	conf_add_pki(p->conf, &new);
	return true;
}

bool
define_ca(struct parser *p, struct place at, const char *name, const char *path)
{
	struct conf_ca ca = {.name = lower(p, name)};

	if (!value_path(p, at, path, &ca.path))
		return false;
	if (conf_find_ca(p->conf, ca.name) != NULL)
		return config_fail(p, at, "the ca \"%s\" is defined twice", name);
	if (!section_fits(p, at, &conf_ca_schema, &ca))
		return false;
	config_note(&p->ca_places, at);
	conf_add_ca(p->conf, &ca);
	return true;
}

bool
refer_pki(struct parser *p, struct place at, const char *name, struct slice *out)
{
	const struct conf_pki *pki = conf_find_pki(p->conf, slice_of(name));

	if (pki == NULL)
		return config_fail(p, at,
		    "the pki \"%s\" is not defined; write above: pki \"%s\" cert \"/path\"", name,
		    name);
	*out = pki->name;
	return true;
}

bool
refer_ca(struct parser *p, struct place at, const char *name, struct slice *out)
{
	const struct conf_ca *ca = conf_find_ca(p->conf, slice_of(name));

	if (ca == NULL)
		return config_fail(p, at,
		    "the ca \"%s\" is not defined; write above: ca \"%s\" cert \"/path\"", name,
		    name);
	*out = ca->name;
	return true;
}

bool
define_wrapper(struct parser *p, struct place at, const char *name, const char *command)
{
	for (size_t i = 0; i < p->wrapper_count; i++) {
		if (strcmp(p->wrappers[i].name, name) == 0)
			return config_fail(p, at, "the wrapper \"%s\" is defined twice", name);
	}
	if (strstr(command, "%{mda}") == NULL)
		return config_fail(p, at,
		    "the wrapper \"%s\" never runs what it wraps; write %%{mda} in it", name);
	if (p->wrapper_count == WRAPPERS)
		return config_fail(p, at, "there are more than %d wrappers", WRAPPERS);
	p->wrappers[p->wrapper_count].name = name;
	p->wrappers[p->wrapper_count++].command = command;
	return true;
}
