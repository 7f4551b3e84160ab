/* A configuration in its one form: every table named, every default said. */
#include "smtpd/parent/config/config.h"

#include <inttypes.h>
#include <string.h>

/*
 * In quotes, where a backslash stands before a quote, and before a blank that follows another
 * one: as the lexer reads it. In quotes no text can end in a backslash, so what does was a bare
 * word, and is one again.
 */
static void
put_text(FILE *out, struct slice s)
{
	char last = '\0';

	if (s.len > 0 && s.data[s.len - 1] == '\\') {
		fprintf(out, "%.*s ", SLICE_FMT(s));
		return;
	}
	fputc('"', out);
	for (size_t i = 0; i < s.len; i++) {
		bool is_blank = s.data[i] == ' ' || s.data[i] == '\t';

		if (s.data[i] == '"' || (is_blank && last == '\\'))
			fputc('\\', out);
		last = s.data[i];
		fputc(last, out);
	}
	fputc('"', out);
}

static void
flag(FILE *out, const char *word, bool is_set)
{
	if (is_set)
		fprintf(out, " %s", word);
}

/* A word and the text behind it, when there is a text. */
static void
option(FILE *out, const char *word, struct slice text)
{
	if (text.len == 0)
		return;
	flag(out, word, true);
	fputc(' ', out);
	put_text(out, text);
}

static bool
is_plain(struct slice name)
{
	static const char plain[] =
	    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz:._-";

	return strspn(name.data, plain) == name.len;
}

static void
table(FILE *out, const char *word, struct slice name)
{
	if (name.len == 0)
		return;
	flag(out, word, word != NULL);
	fputs(" <", out);
	if (is_plain(name))
		fputs(name.data, out);
	else
		put_text(out, name);
	fputc('>', out);
}

/* In the largest unit that says it whole. */
static void
span(FILE *out, uint32_t seconds)
{
	static const struct {
		uint32_t seconds;
		char letter;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;

	while (seconds % units[i].seconds != 0)
		i++;
	fprintf(out, "%u%c", seconds / units[i].seconds, units[i].letter);
}

static void
line(FILE *out, const char *words, struct slice text)
{
	if (text.len == 0)
		return;
	fprintf(out, "%s ", words);
	put_text(out, text);
	fputc('\n', out);
}

static void
print_global(const struct conf_global *g, FILE *out)
{
	struct slice intervals = g->warn_intervals, one;
	const char *before;
	uint64_t seconds;

	line(out, "hostname", g->hostname);
	line(out, "queue path", g->queue_path);
	line(out, "mail path", g->mail_path);
	line(out, "run path", g->run_path);
	line(out, "accounts path", g->accounts_path);
	line(out, "resolver", g->dns_server);
	if (g->processes > 0)
		fprintf(out, "processes %u\n", g->processes);
	fprintf(out, "queue ttl ");
	span(out, g->queue_ttl);
	for (before = "\nbounce warn-interval "; ipc_list_next(&intervals, &one); before = ", ") {
		fputs(before, out);
		span(out, slice_number(one, UINT32_MAX, &seconds) ? (uint32_t)seconds : 0);
	}
	fputc('\n', out);
	fprintf(out, "smtp max-message-size %" PRIu64 "\n", g->max_message);
	fprintf(
	    out, "smtp limit max-mails %u\nsmtp limit max-rcpt %u\n", g->max_mails, g->max_rcpt);
	line(out, "smtp sub-addr-delim", slice_make((const char *)&g->sub_addr_delim, 1));
	line(out, "smtp ciphers", g->smtp_ciphers);
	fprintf(out, "mta max-deferred %u\nmta port %u\n", g->mta_max_deferred, g->relay_port);
	line(out, "srs key", g->srs_key);
	line(out, "srs key backup", g->srs_key_backup);
	fprintf(out, "srs ttl ");
	span(out, g->srs_ttl);
	fputc('\n', out);
}

static void
print_table(const struct conf_table_node *t, FILE *out)
{
	enum conf_backend kind = (enum conf_backend)t->table.backend;

	fprintf(out, "table ");
	put_text(out, t->table.name);
	if (kind != BACKEND_STATIC) {
		fprintf(out, " \"%s%s%.*s\"\n", conf_backend_word(kind),
		    conf_backend_has_path(kind) ? ":" : "", SLICE_FMT(t->table.path));
		return;
	}
	fprintf(out, " {");
	for (size_t i = 0; i < t->entry_count; i++) {
		fprintf(out, i == 0 ? " " : ", ");
		put_text(out, t->entries[i].key);
		if (t->entries[i].has_value) {
			fprintf(out, " = ");
			put_text(out, t->entries[i].value);
		}
	}
	fprintf(out, " }\n");
}

static void
print_service(const struct conf_listen *l, FILE *out)
{
	bool is_implicit = l->tls == TLS_IMPLICIT;
	const char *word = conf_service_word((enum conf_service)l->service, is_implicit)->word;

	flag(out, word, word[0] != '\0');
	flag(out, "verify", is_implicit && l->verify);
	fprintf(out, " port %u", l->port);
	flag(out, "tls", l->tls == TLS_OFFERED);
	flag(out, "tls-require", l->tls == TLS_REQUIRED);
	flag(out, "verify", l->tls == TLS_REQUIRED && l->verify);
}

static void
print_listen(const struct conf_listen *l, FILE *out)
{
	struct slice names = l->pki, name;
	const char *auth = l->auth == AUTH_REQUIRED ? "auth" : "auth-optional";

	fprintf(out, "listen on ");
	if (l->local) {
		fprintf(out, "socket");
	} else {
		put_text(out, l->address);
		print_service(l, out);
	}
	while (ipc_list_next(&names, &name))
		option(out, "pki", name);
	option(out, "ca", l->ca);
	option(out, "ciphers", l->ciphers);
	option(out, "protocols", l->protocols);
	flag(out, auth, l->auth != AUTH_NONE && l->auth_table.len == 0);
	table(out, auth, l->auth_table);
	option(out, "hostname", l->hostname);
	table(out, "hostnames", l->hostnames);
	option(out, "tag", l->tag);
	table(out, "senders", l->senders);
	flag(out, "masquerade", l->masquerade);
	flag(out, "mask-src", l->mask_src);
	flag(out, "received-auth", l->received_auth);
	flag(out, "no-dsn", l->no_dsn);
	flag(out, "proxy-v2", l->proxy_v2);
	fputc('\n', out);
}

static void
print_relay(const struct conf_action *a, FILE *out)
{
	option(out, "host", a->host);
	table(out, "host", a->host_table);
	table(out, "domain", a->domain_table);
	table(out, "auth", a->auth_table);
	flag(out, "backup", a->backup);
	option(out, "mx", a->backup_mx);
	option(out, "ca", a->ca);
	option(out, "helo", a->helo);
	table(out, "helo-src", a->helo_table);
	option(out, "src", a->src);
	table(out, "src", a->src_table);
	option(out, "mail-from", a->mail_from);
	flag(out, "srs", a->srs);
	flag(out, "tls", a->tls == RELAY_TLS_REQUIRED);
	flag(out, "tls no-verify", a->tls == RELAY_TLS_NO_VERIFY);
	option(out, "protocols", a->protocols);
	option(out, "ciphers", a->ciphers);
}

static void
print_action(const struct conf_action *a, FILE *out)
{
	const char *method = conf_method_word((enum conf_method)a->method);

	fprintf(out, "action ");
	put_text(out, a->name);
	if (a->argument.len > 0)
		option(out, method, a->argument);
	else
		flag(out, method, true);
	table(out, "alias", a->alias);
	table(out, "virtual", a->virtual);
	table(out, "userbase", a->userbase);
	option(out, "user", a->user);
	flag(out, "junk", a->junk);
	flag(out, "rcpt-to", a->rcpt_to);
	if (a->method == METHOD_RELAY)
		print_relay(a, out);
	if (a->ttl > 0) {
		flag(out, "ttl", true);
		fputc(' ', out);
		span(out, a->ttl);
	}
	fputc('\n', out);
}

static void
print_match(const struct conf_match_node *m, FILE *out)
{
	fprintf(out, "match");
	for (size_t i = 0; i < m->condition_count; i++) {
		const struct conf_condition *n = &m->conditions[i];

		flag(out, "!", n->negated);
		flag(out, conf_subject_word((enum conf_subject)n->subject), true);
		flag(out, "regex", n->regex);
		if (n->table.len > 0)
			table(out, NULL, n->table);
	}
	flag(out, "reject", m->match.reject);
	if (!m->match.reject)
		option(out, "action", m->match.action);
	fputc('\n', out);
}

void
config_print(const struct conf *c, FILE *out)
{
	print_global(&c->global, out);
	for (size_t i = 0; i < c->table_count; i++)
		print_table(&c->tables[i], out);
	for (size_t i = 0; i < c->pki_count; i++) {
		fprintf(out, "pki \"%.*s\"", SLICE_FMT(c->pkis[i].name));
		option(out, "cert", c->pkis[i].cert_path);
		fprintf(out, "\npki \"%.*s\"", SLICE_FMT(c->pkis[i].name));
		option(out, "key", c->pkis[i].key_path);
		fputc('\n', out);
	}
	for (size_t i = 0; i < c->ca_count; i++) {
		fprintf(out, "ca \"%.*s\"", SLICE_FMT(c->cas[i].name));
		option(out, "cert", c->cas[i].path);
		fputc('\n', out);
	}
	for (size_t i = 0; i < c->listen_count; i++)
		print_listen(&c->listens[i], out);
	for (size_t i = 0; i < c->action_count; i++)
		print_action(&c->actions[i], out);
	for (size_t i = 0; i < c->match_count; i++)
		print_match(&c->matches[i], out);
}
