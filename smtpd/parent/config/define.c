/* table, pki, ca, mda wrapper: what is defined above the lines that use it. */
#include "smtpd/parent/config/define.h"

#include "smtpd/parent/config/value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool
define_table(struct definitions *s, struct place at, const char *name)
{
	struct conf_table t = {.name = slice_of(name), .backend = BACKEND_STATIC};

	if (conf_find_table(s->draft->conf, t.name) != NULL)
		return draft_fail(s->draft, at, "the table \"%s\" is defined twice", name);
	if (!draft_fits(s->draft, at, &conf_table_schema, &t))
		return false;
	places_add(&s->draft->tables, at);
	conf_add_table(s->draft->conf, &t);
	return true;
}

static bool
add_table(struct definitions *s, struct place at, const char *name, enum conf_backend backend,
    const char *path)
{
	struct stat st = {0};

	if (conf_backend_has_path(backend) && path[0] != '/')
		return draft_fail(
		    s->draft, at, "table \"%s\": write the whole path, from / on", name);
	if (path[0] != '\0' && access(path, R_OK) != 0)
		return draft_fail(s->draft, at, "table \"%s\": cannot read %.200s: %s", name, path,
		    strerror(errno));
	if (path[0] != '\0' && (stat(path, &st) < 0 || !S_ISREG(st.st_mode)))
		return draft_fail(s->draft, at, "table \"%s\": %.200s is %s, not a file", name,
		    path, S_ISDIR(st.st_mode) ? "a folder" : "a device or a pipe");
	if (!define_table(s, at, name))
		return false;
	s->draft->conf->tables[s->draft->conf->table_count - 1].table.backend = (uint8_t)backend;
	s->draft->conf->tables[s->draft->conf->table_count - 1].table.path =
	    conf_keep(s->draft->conf, slice_of(path));
	return true;
}

/* What stands before a ":" is the kind, and what stands behind it the path. */
bool
define_table_at(struct definitions *s, struct place at, const char *name, const char *source)
{
	const char *colon = strchr(source, ':');
	struct slice word =
	    colon == NULL ? slice_of(source) : slice_make(source, (size_t)(colon - source));
	enum conf_backend kind;

	if (source[0] == '/')
		return add_table(s, at, name, BACKEND_FILE, source);
	if (!conf_backend_find(word, &kind))
		return draft_fail(s->draft, at,
		    "table \"%s\": \"%.100s\" is no kind of table; write file:/path, passwd:/path, "
		    "accounts, getpwnam or { … }",
		    name, source);
	if (kind == BACKEND_STATIC)
		kind = BACKEND_FILE;
	return add_table(
	    s, at, name, kind, conf_backend_has_path(kind) && colon != NULL ? colon + 1 : "");
}

void
define_anonymous(struct definitions *s, struct place at)
{
	char name[32];
	struct conf_table t = {.backend = BACKEND_STATIC};

	do {
		snprintf(name, sizeof(name), "dynamic:%u", ++s->anonymous);
		t.name = slice_of(name);
	} while (conf_find_table(s->draft->conf, t.name) != NULL);
	places_add(&s->draft->tables, at);
	conf_add_table(s->draft->conf, &t);
}

bool
define_entry(struct definitions *s, struct place at, const char *key, const char *value)
{
	struct conf_entry e = {
	    .key = slice_of(key), .value = slice_of(value), .has_value = value != NULL};

	if (!draft_fits(s->draft, at, &conf_entry_schema, &e))
		return false;
	conf_add_entry(s->draft->conf, &e);
	return true;
}

const char *
define_last_table(const struct definitions *s)
{
	return s->draft->conf->tables[s->draft->conf->table_count - 1].table.name.data;
}

bool
refer_table(struct definitions *s, struct place at, const char *name, const char **table)
{
	const struct conf_table_node *t = conf_find_table(s->draft->conf, slice_of(name));

	if (t == NULL)
		return draft_fail(s->draft, at,
		    "the table <%s> is not defined; write above: table %s { … }", name, name);
	*table = t->table.name.data;
	return true;
}

/* A name of pki or ca: case does not matter. */
static struct slice
lower(struct definitions *s, const char *name)
{
	struct buf text = {0};
	struct slice kept;

	buf_add_lower(&text, slice_of(name));
	kept = conf_keep(s->draft->conf, buf_slice(&text));
	buf_fini(&text);
	return kept;
}

bool
define_pki(
    struct definitions *s, struct place at, const char *name, const char *cert, const char *key)
{
	struct conf_pki new = {
	    .name = lower(s, name), .cert_path = SLICE("-"), .key_path = SLICE("-")};

	if (!value_path(s->draft, at, cert != NULL ? cert : key,
		cert != NULL ? &new.cert_path : &new.key_path) ||
	    !draft_fits(s->draft, at, &conf_pki_schema, &new))
		return false;
	for (size_t i = 0; i < s->draft->conf->pki_count; i++) {
		struct conf_pki *had = &s->draft->conf->pkis[i];

		if (!slice_equal(had->name, new.name))
			continue;
		if ((cert != NULL ? had->cert_path : had->key_path).len > 0)
			return draft_fail(s->draft, at, "pki \"%s\" has two lines with %s", name,
			    cert != NULL ? "cert" : "key");
		places_set(cert != NULL ? &s->draft->certs : &s->draft->keys, i, at);
		*(cert != NULL ? &had->cert_path : &had->key_path) =
		    conf_keep(s->draft->conf, cert != NULL ? new.cert_path : new.key_path);
		return true;
	}
	*(cert == NULL ? &new.cert_path : &new.key_path) = SLICE("");
	places_add(&s->draft->certs, at);
	places_add(&s->draft->keys, at);
	conf_add_pki(s->draft->conf, &new);
	return true;
}

bool
define_ca(struct definitions *s, struct place at, const char *name, const char *path)
{
	struct conf_ca ca = {.name = lower(s, name)};

	if (!value_path(s->draft, at, path, &ca.path))
		return false;
	if (conf_find_ca(s->draft->conf, ca.name) != NULL)
		return draft_fail(s->draft, at, "the ca \"%s\" is defined twice", name);
	if (!draft_fits(s->draft, at, &conf_ca_schema, &ca))
		return false;
	places_add(&s->draft->cas, at);
	conf_add_ca(s->draft->conf, &ca);
	return true;
}

bool
refer_pki(struct definitions *s, struct place at, const char *name, struct slice *out)
{
	const struct conf_pki *pki = conf_find_pki(s->draft->conf, slice_of(name));

	if (pki == NULL)
		return draft_fail(s->draft, at,
		    "the pki \"%s\" is not defined; write above: pki \"%s\" cert \"/path\"", name,
		    name);
	*out = pki->name;
	return true;
}

bool
refer_ca(struct definitions *s, struct place at, const char *name, struct slice *out)
{
	const struct conf_ca *ca = conf_find_ca(s->draft->conf, slice_of(name));

	if (ca == NULL)
		return draft_fail(s->draft, at,
		    "the ca \"%s\" is not defined; write above: ca \"%s\" cert \"/path\"", name,
		    name);
	*out = ca->name;
	return true;
}

bool
define_wrapper(struct definitions *s, struct place at, const char *name, const char *command)
{
	for (size_t i = 0; i < s->wrapper_count; i++) {
		if (strcmp(s->wrappers[i].name, name) == 0)
			return draft_fail(
			    s->draft, at, "the wrapper \"%s\" is defined twice", name);
	}
	if (strstr(command, "%{mda}") == NULL)
		return draft_fail(s->draft, at,
		    "the wrapper \"%s\" never runs what it wraps; write %%{mda} in it", name);
	if (s->wrapper_count == WRAPPERS)
		return draft_fail(s->draft, at, "there are more than %d wrappers", WRAPPERS);
	s->wrappers[s->wrapper_count].name = name;
	s->wrappers[s->wrapper_count++].command = command;
	return true;
}

bool
refer_wrapper(struct definitions *s, struct place at, const char *name, const char **command)
{
	for (size_t i = 0; i < s->wrapper_count; i++) {
		if (strcmp(s->wrappers[i].name, name) != 0)
			continue;
		*command = s->wrappers[i].command;
		return true;
	}
	return draft_fail(s->draft, at,
	    "the wrapper \"%s\" is not defined; write above: mda wrapper %s \"… %%{mda}\"", name,
	    name);
}
