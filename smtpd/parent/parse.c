#include "smtpd/parent/parse.h"

#include "common/base/mem.h"
#include "smtpd/parent/parser.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool
parse_limits(struct parser *p)
{
	uint64_t n;
	struct slice s;

	if (parse_take(p, "max-message-size"))
		return parse_take_size(p, 0x7fffffff, &p->global.max_message);
	if (parse_take(p, "limit")) {
		bool is_rcpt = parse_take(p, "max-rcpt");

		if (!is_rcpt && !parse_take(p, "max-mails"))
			return parse_fail(p, "found \"%s\"; write max-mails or max-rcpt", parse_word(p));
		if (!parse_take_number(p, 1, is_rcpt ? LIMIT_RECIPIENTS : 1000000, &n))
			return false;
		*(is_rcpt ? &p->global.max_rcpt : &p->global.max_mails) = (uint32_t)n;
		return true;
	}
	if (parse_take(p, "sub-addr-delim")) {
		if (!parse_take_any(p, &s, "one character") || s.len != 1 || s.data[0] == '@')
			return parse_fail(p, "sub-addr-delim is one printable character");
		p->global.sub_addr_delim = (uint8_t)s.data[0];
		return true;
	}
	if (parse_take(p, "ciphers"))
		return parse_take_any(p, &p->global.smtp_ciphers, "ciphers");
	return parse_fail(p, "found \"%s\", which is no option of smtp", parse_word(p));
}

static bool
parse_mta(struct parser *p)
{
	uint64_t n;

	if (parse_take(p, "max-deferred")) {
		if (!parse_take_number(p, 1, 1000000, &n))
			return false;
		p->global.mta_max_deferred = (uint32_t)n;
		return true;
	}
	if (parse_take(p, "port")) {
		if (!parse_take_number(p, 1, 65535, &n))
			return false;
		p->global.relay_port = (uint16_t)n;
		return true;
	}
	return parse_fail(p, "found \"%s\", which is no option of mta", parse_word(p));
}

static bool
parse_bounce(struct parser *p)
{
	uint32_t seconds;

	if (!parse_take(p, "warn-interval"))
		return parse_fail(p, "write: bounce warn-interval 4h");
	buf_clear(&p->warn);
	do {
		char text[16];

		if (!parse_take_span(p, &seconds))
			return false;
		if (++p->bounce > 4)
			return parse_fail(p, "at most four warnings");
		snprintf(text, sizeof(text), "%u", seconds);
		ipc_list_add(&p->warn, slice_of(text));
	} while (parse_take_sign(p, ','));
	return true;
}

static bool
parse_path(struct parser *p, struct slice *out)
{
	return (parse_take(p, "path") && parse_take_any(p, out, "a path")) || parse_fail(p, "write: path \"/…\"");
}

static bool
parse_line(struct parser *p)
{
	struct slice s;

	/* name = value */
	if (p->line.count == 3 && p->line.words[1].kind == LEXER_SIGN &&
	    p->line.words[1].text[0] == '=') {
		lexer_set(p->lexer, p->line.words[0].text, p->line.words[2].text);
		p->line.at = p->line.count;
		return true;
	}
	if (parse_take(p, "table"))
		return parse_table(p);
	if (parse_take(p, "pki"))
		return parse_pki(p);
	if (parse_take(p, "ca"))
		return parse_ca(p);
	if (parse_take(p, "listen"))
		return parse_listen(p);
	if (parse_take(p, "action"))
		return parse_action(p);
	if (parse_take(p, "match"))
		return parse_match(p);
	if (parse_take(p, "hostname"))
		return parse_take_any(p, &p->global.hostname, "the host's name");
	if (parse_take(p, "queue"))
		return parse_take(p, "ttl") ? parse_take_span(p, &p->global.queue_ttl)
				      : parse_path(p, &p->global.queue_path);
	if (parse_take(p, "mail"))
		return parse_path(p, &p->global.mail_path);
	if (parse_take(p, "run"))
		return parse_path(p, &p->global.run_path);
	if (parse_take(p, "accounts"))
		return parse_path(p, &p->global.accounts_path);
	if (parse_take(p, "resolver"))
		return parse_take_any(p, &p->global.dns_server, "address[@port]");
	if (parse_take(p, "smtp"))
		return parse_limits(p);
	if (parse_take(p, "mta"))
		return parse_mta(p);
	if (parse_take(p, "bounce"))
		return parse_bounce(p);
	if (parse_take(p, "include"))
		return parse_take_any(p, &s, "a path") &&
		       (lexer_include(p->lexer, s.data, p->why) || parse_fail(p, "%s", p->why->text));
	return parse_fail(p, "found \"%s\", which begins no line of smtpd.conf", parse_word(p));
}

/* Gathers the words up to the end of the line; lines inside { } go on. */
static bool
next_line(struct parser *p, bool *is_end)
{
	int depth = 0;

	p->line.count = p->line.at = 0;
	for (;;) {
		struct lexer_token t = lexer_next(p->lexer, p->why);

		*is_end = t.kind == LEXER_END;
		if (t.kind == LEXER_WRONG)
			return false;
		if (t.kind == LEXER_END || (t.kind == LEXER_NEWLINE && depth == 0))
			return true;
		if (t.kind == LEXER_NEWLINE)
			continue;
		if (t.kind == LEXER_SIGN)
			depth += t.text[0] == '{' ? 1 : t.text[0] == '}' ? -1 : 0;
		if (p->line.count == WORDS)
			return parse_fail(
			    p, "a line of more than %d words; use a table of its own", WORDS);
		p->line.words[p->line.count++] = t;
	}
}

static void
set_defaults(struct parser *p, char hostname[LIMIT_HOSTNAME + 1])
{
	if (gethostname(hostname, LIMIT_HOSTNAME) < 0 || hostname[0] == '\0')
		snprintf(hostname, LIMIT_HOSTNAME, "localhost");
	p->global = (struct conf_global){.hostname = slice_of(hostname),
	    .queue_path = SLICE("/var/spool/kurir"),
	    .mail_path = SLICE("/var/mail/kurir"),
	    .run_path = SLICE("/var/run/kurir"),
	    .accounts_path = SLICE("/var/db/kurir/accounts.db"),
	    .max_message = LIMIT_MESSAGE,
	    .max_rcpt = LIMIT_RECIPIENTS,
	    .max_mails = LIMIT_MESSAGES,
	    .sub_addr_delim = '+',
	    .queue_ttl = 4 * 86400,
	    .relay_port = 25,
	    .srs_ttl = 4 * 86400,
	    .mta_max_deferred = 100};
	ipc_list_add(&p->warn, SLICE("14400"));
}

static bool
parse_all(struct parser *p)
{
	bool is_end = false;

	while (!is_end) {
		if (!next_line(p, &is_end))
			return false;
		if (p->line.count > 0 &&
		    (!parse_line(p) ||
			(parse_more(p) && !parse_fail(p, "found \"%s\" at the end of the line", parse_word(p)))))
			return false;
	}
	if (p->conf->match_count == 0)
		return error_set(p->why, "there is no match; write: match from any for domain "
					 "\"example.org\" action \"…\"");
	return true;
}

struct conf *
parse_conf(const struct parse_options *o, struct error *why)
{
	struct parser *p = mem_zero(sizeof(*p));
	char hostname[LIMIT_HOSTNAME + 1] = "";
	struct conf_listen socket = {.local = 1};
	struct conf *c;

	p->why = why;
	p->lexer = lexer_open(o->path, why);
	if (p->lexer == NULL) {
		free(p);
		return NULL;
	}
	for (size_t i = 0; i < o->definition_count; i++)
		lexer_define(p->lexer, o->definitions[i]);
	p->conf = conf_new();
	set_defaults(p, hostname);
	if (parse_all(p)) {
		socket.id = ++p->listens;
		conf_add_listen(p->conf, &socket);
		p->global.warn_intervals = buf_slice(&p->warn);
		conf_set_global(p->conf, &p->global);
	} else {
		conf_free(p->conf);
		p->conf = NULL;
	}
	c = p->conf;
	buf_fini(&p->warn);
	lexer_free(p->lexer);
	free(p);
	return c;
}

static bool
read_pem(struct slice path, char **text, size_t *len, struct error *why)
{
	FILE *f = fopen(path.data, "re");

	if (f == NULL)
		return error_errno(why, "cannot read %s", path.data);
	*text = mem_zero(100001);
	*len = fread(*text, 1, 100000, f);
	fclose(f);
	return true;
}

bool
parse_load_files(struct conf *c, struct error *why)
{
	for (size_t i = 0; i < c->pki_count; i++) {
		struct conf_pki *p = &c->pkis[i];
		char *text;
		size_t len;

		if (p->cert_path.len == 0 || p->key_path.len == 0)
			return error_set(why, "pki \"%.*s\" has no %s", SLICE_FMT(p->name),
			    p->cert_path.len == 0 ? "cert" : "key");
		if (!read_pem(p->cert_path, &text, &len, why))
			return false;
		c->texts = mem_resize(c->texts, (c->text_count + 1) * sizeof(char *));
		c->texts[c->text_count++] = text;
		p->chain = slice_make(text, len);
		if (access(p->key_path.data, R_OK) != 0)
			return error_errno(why, "pki \"%.*s\": cannot read the key %s",
			    SLICE_FMT(p->name), p->key_path.data);
	}
	for (size_t i = 0; i < c->ca_count; i++) {
		char *text;
		size_t len;

		if (!read_pem(c->cas[i].path, &text, &len, why))
			return false;
		c->texts = mem_resize(c->texts, (c->text_count + 1) * sizeof(char *));
		c->texts[c->text_count++] = text;
		c->cas[i].certificates = slice_make(text, len);
	}
	return true;
}
