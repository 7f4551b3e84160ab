#include "smtpd/parent/config/config.h"

#include "common/base/mem.h"
#include "common/net/netaddr.h"
#include "smtpd/parent/config/parser.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool
config_fail(struct parser *p, struct place at, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_set(p->why, "%s:%u: %s", at.file, at.line, text);
}

bool
config_include(struct parser *p, struct place at, const char *path)
{
	struct slice whole;

	return value_path(p, at, path, &whole) &&
	       (lexer_include(p->lexer, path, p->why) || config_fail(p, at, "%s", p->why->text));
}

void
config_note(struct buf *places, struct place at)
{
	buf_add(places, &at, sizeof(at));
}

struct place
config_noted(const struct buf *places, size_t i)
{
	struct place at;

	memcpy(&at, places->data + i * sizeof(at), sizeof(at));
	return at;
}

void
config_warn(struct parser *p, struct place at, const char *text)
{
	struct error e;

	error_set(&e, "%s:%u: %s", at.file, at.line, text);
	if (p->warn != NULL)
		p->warn(e.text);
}

/* How many letters make one word of the other, counted up to 3; a swap of two is one. */
static int
distance(const char *a, const char *b)
{
	size_t start = 0, n = strlen(a), m = strlen(b);

	while (a[start] != '\0' && a[start] == b[start])
		start++;
	while (n > start && m > start && a[n - 1] == b[m - 1])
		n--, m--;
	n -= start;
	m -= start;
	if (n == 2 && m == 2 && a[start] == b[start + 1] && a[start + 1] == b[start])
		return 1;
	return n > 3 || m > 3 ? 3 : (int)(n > m ? n : m);
}

static const char *
nearest(const char *word, const char *const names[], size_t n)
{
	int least = strlen(word) > 3 ? 3 : 2;
	const char *best = NULL;

	for (size_t i = 0; i < n; i++) {
		int d = distance(word, names[i]);

		if (d < least) {
			least = d;
			best = names[i];
		}
	}
	return best;
}

/* A line whose first word is not known can only be a macro for the grammar. */
static bool
begins_nothing(struct parser *p, const char *const expected[], size_t n)
{
	static const char *const lines[] = {"accounts", "action", "admd", "bounce", "ca",
	    "hostname", "include", "listen", "mail", "match", "mda", "mta", "pki", "processes",
	    "queue", "resolver", "run", "smtp", "srs", "table"};
	const char *word = p->before.text, *near;

	if (n != 1 || strcmp(expected[0], "'='") != 0 || p->before.kind != LEXER_WORD)
		return false;
	near = nearest(word, lines, sizeof(lines) / sizeof(lines[0]));
	if (strcmp(word, "accept") == 0)
		config_fail(p, p->before.at,
		    "\"accept\" is the grammar of OpenSMTPD before 6.4; write action and match");
	else if (near != NULL)
		config_fail(p, p->before.at, "found \"%.100s\"; did you mean \"%s\"?", word, near);
	else
		config_fail(
		    p, p->before.at, "no line begins with \"%.100s\"; see smtpd.conf(5)", word);
	return true;
}

static bool
is_filter(struct parser *p)
{
	const struct lexer_token *t = &p->token;

	if (t->kind != LEXER_WORD ||
	    (strcmp(t->text, "filter") != 0 && strcmp(t->text, "proc") != 0))
		return false;
	config_fail(p, t->at, "there are no filters in this version; remove \"%s\"", t->text);
	return true;
}

void
config_unexpected(struct parser *p, const char *const expected[], size_t n)
{
	const struct lexer_token *t = &p->token;
	const char *near = NULL, *text = t->text;
	struct buf list = {0};

	if (is_filter(p) || begins_nothing(p, expected, n))
		return;
	for (size_t i = 0; i < n; i++)
		buf_printf(&list, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", expected[i]);
	buf_add_char(&list, '\0');
	if (t->kind == LEXER_WORD)
		near = nearest(text, expected, n);
	if (t->kind == LEXER_NEWLINE || t->kind == LEXER_END)
		config_fail(p, t->at, "the line ends too early; write %s", list.data);
	else if (near != NULL)
		config_fail(p, t->at, "found \"%s\"; did you mean \"%s\"?", text, near);
	else
		config_fail(p, t->at, "found \"%.100s\"; write %s", text, list.data);
	buf_fini(&list);
}

void
option_begin(struct parser *p)
{
	p->option_count = 0;
}

bool
option_once(struct parser *p, struct place at, const char *option)
{
	for (size_t i = 0; i < p->option_count; i++) {
		if (strcmp(p->options[i], option) == 0)
			return config_fail(p, at, "\"%s\" stands twice on the line", option);
	}
	if (p->option_count < OPTIONS)
		p->options[p->option_count++] = option;
	return true;
}

bool
option_text(
    struct parser *p, struct place at, const char *option, struct slice *to, const char *text)
{
	*to = slice_of(text);
	return option_once(p, at, option);
}

bool
option_flag(struct parser *p, struct place at, const char *option, uint8_t *to, uint8_t value)
{
	*to = value;
	return option_once(p, at, option);
}

bool
section_fits(struct parser *p, struct place at, const struct ipc_schema *s, const void *section)
{
	struct buf packed = {0};
	const char *wrong = ipc_pack(&packed, s, section);

	buf_fini(&packed);
	return wrong == NULL ||
	       config_fail(p, at,
		   "%s is too long, out of its range, or has octets that are not text", wrong);
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
	ipc_list_add(&p->warn_intervals, SLICE("14400"));
}

/* Whether strangers can reach a line that takes mail without a password. */
static bool
is_public(const struct conf_listen *l)
{
	struct netaddr a;

	return !l->local && l->service == SERVICE_SMTP && l->auth != AUTH_REQUIRED &&
	       netaddr_parse(l->address, &a) && !netaddr_is_loopback(&a);
}

static void
warn_of_open_relay(struct parser *p)
{
	bool any = false;

	for (size_t i = 0; i < p->conf->listen_count; i++)
		any |= is_public(&p->conf->listens[i]);
	if (any && p->open_relay.line != 0)
		config_warn(p, p->open_relay,
		    "anybody can send anywhere through this host; write: match from auth, from "
		    "local "
		    "or from src { … }");
}

/* What concerns no single line. */
static bool
finish(struct parser *p)
{
	struct place nowhere = p->token.at;
	bool has_socket = false;

	for (size_t i = 0; i < p->conf->listen_count; i++)
		has_socket |= p->conf->listens[i].local != 0;
	if (!has_socket) { /* sendmail must always get through */
		listen_begin(p, 1);
		listen_end(p, nowhere, "socket");
	}
	if (p->conf->match_count == 0)
		return config_fail(p, nowhere,
		    "there is no match; write: match from any for domain \"example.org\" action "
		    "\"…\"");
	for (size_t i = 0; i < p->conf->action_count; i++) {
		if (p->conf->actions[i].srs && p->global.srs_key.len == 0)
			return config_fail(p, nowhere,
			    "action \"%.*s\" has srs; write: srs key \"…\"",
			    SLICE_FMT(p->conf->actions[i].name));
	}
	p->global.warn_intervals = buf_slice(&p->warn_intervals);
	if (!section_fits(p, nowhere, &conf_global_schema, &p->global))
		return false;
	conf_set_global(p->conf, &p->global);
	warn_of_open_relay(p);
	return true;
}

static bool
define_macros(struct parser *p, const struct config_options *o)
{
	for (size_t i = 0; i < o->definition_count; i++) {
		if (!lexer_define(p->lexer, o->definitions[i]))
			return error_set(p->why, "-D %s: write -D name=value", o->definitions[i]);
	}
	return true;
}

struct conf *
config_read(const struct config_options *o, struct error *why)
{
	struct parser *p = mem_zero(sizeof(*p));
	char hostname[LIMIT_HOSTNAME + 1] = "";
	struct conf *c = NULL;

	p->why = why;
	p->warn = o->warn;
	p->lexer = lexer_open(o->path, why);
	if (p->lexer != NULL && define_macros(p, o)) {
		p->conf = conf_new();
		set_defaults(p, hostname);
		if (yyparse(p) == 0 && finish(p) && load_files(p))
			c = p->conf;
		else
			conf_free(p->conf);
	}
	buf_fini(&p->warn_intervals);
	buf_fini(&p->pkis);
	buf_fini(&p->pki_places);
	buf_fini(&p->ca_places);
	buf_fini(&p->listen_places);
	if (p->lexer != NULL)
		lexer_free(p->lexer);
	free(p);
	return c;
}
