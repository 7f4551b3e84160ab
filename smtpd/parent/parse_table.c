/* table, pki, ca: what is defined before it is used. */
#include "smtpd/parent/parser.h"

#include <string.h>
#include <unistd.h>

bool
parse_table(struct parser *p)
{
	static const struct {
		const char *prefix;
		enum conf_backend backend;
	} backends[] = {{"file:", BACKEND_FILE}, {"static:", BACKEND_FILE},
	    {"passwd:", BACKEND_PASSWD}, {"accounts", BACKEND_ACCOUNTS},
	    {"getpwnam", BACKEND_SYSTEM}};
	struct conf_table t = {0};
	struct slice source;

	if (!parse_take_any(p, &t.name, "the table's name"))
		return false;
	if (conf_find_table(p->conf, t.name) != NULL)
		return parse_fail(p, "table \"%.*s\" is defined twice", SLICE_FMT(t.name));
	if (parse_take_sign(p, '{')) {
		conf_add_table(p->conf, &t);
		return parse_take_entries(p);
	}
	if (!parse_take_any(p, &source, "where it is: file:/path, or { … }"))
		return false;
	if (source.data[0] == '/') {
		t.backend = BACKEND_FILE;
		t.path = source;
		conf_add_table(p->conf, &t);
		return access(source.data, R_OK) == 0 ||
		       parse_fail(p, "table \"%.*s\": cannot read %s", SLICE_FMT(t.name), source.data);
	}
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		if (!slice_has_prefix(source, slice_of(backends[i].prefix)))
			continue;
		t.backend = (uint8_t)backends[i].backend;
		t.path = slice_from(source, strlen(backends[i].prefix));
		conf_add_table(p->conf, &t);
		if (t.path.len > 0 && access(t.path.data, R_OK) != 0)
			return parse_fail(
			    p, "table \"%.*s\": cannot read %s", SLICE_FMT(t.name), t.path.data);
		return true;
	}
	return p->line.at--,
	       parse_fail(p, "\"%s\" is no kind of table; write file:/path, passwd:/path or accounts",
		   parse_word(p));
}

bool
parse_pki(struct parser *p)
{
	struct conf_pki new = {0}, *pki = NULL;
	struct slice name, path;
	bool is_key;

	if (!parse_take_any(p, &name, "the pki's name"))
		return false;
	is_key = parse_take(p, "key");
	if (!is_key && !parse_take(p, "cert"))
		return parse_fail(p, "found %s; write: pki \"%.*s\" cert \"/path\", or key \"/path\"",
		    parse_word(p), SLICE_FMT(name));
	if (!parse_take_any(p, &path, "the file's path"))
		return false;
	for (size_t i = 0; i < p->conf->pki_count; i++) {
		if (slice_equal_nocase(p->conf->pkis[i].name, name))
			pki = &p->conf->pkis[i];
	}
	if (pki == NULL) {
		new.name = name;
		new.cert_path = is_key ? SLICE("") : path;
		new.key_path = is_key ? path : SLICE("");
		conf_add_pki(p->conf, &new);
		return true;
	}
	/* The second half replaces the entry: texts are kept by conf, so it is written anew. */
	new = *pki;
	if (is_key)
		new.key_path = path;
	else
		new.cert_path = path;
	*pki = p->conf->pkis[--p->conf->pki_count];
	conf_add_pki(p->conf, &new);
	return true;
}

bool
parse_ca(struct parser *p)
{
	struct conf_ca ca = {0};

	if (!parse_take_any(p, &ca.name, "the ca's name") || !parse_take(p, "cert") ||
	    !parse_take_any(p, &ca.path, "the file's path"))
		return parse_fail(p, "write: ca \"name\" cert \"/path\"");
	conf_add_ca(p->conf, &ca);
	return true;
}
