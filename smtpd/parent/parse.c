#include "smtpd/parent/parse.h"

#include "common/base/mem.h"
#include "smtpd/parent/lexer.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/net/netaddr.h"

enum { WORDS = 400 };

/* One logical line. */
struct line {
	struct lexer_token words[WORDS];
	size_t count, at;
};

struct parser {
	struct lexer *lexer;
	struct conf *conf;
	struct error *why;
	struct line line;
	struct conf_global global;
	unsigned anonymous, listens;
	unsigned bounce;
	struct buf warn;
};

static bool
fail(struct parser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool
fail(struct parser *p, const char *fmt, ...)
{
	char text[400];
	const struct lexer_token *t = &p->line.words[p->line.at < p->line.count ? p->line.at
	    : p->line.count > 0                                                 ? p->line.count - 1
	                                                                        : 0];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_set(p->why, "%s:%u: %s", t->file, t->line, text);
}

static bool
more(const struct parser *p)
{
	return p->line.at < p->line.count;
}

static const char *
word(const struct parser *p)
{
	return more(p) ? p->line.words[p->line.at].text : "the end of the line";
}

/* Takes the next word when it is this one. */
static bool
take(struct parser *p, const char *text)
{
	if (!more(p) || p->line.words[p->line.at].kind == LEXER_STRING || strcmp(word(p), text) != 0)
		return false;
	p->line.at++;
	return true;
}

static bool
take_any(struct parser *p, struct slice *out, const char *what)
{
	if (!more(p) || p->line.words[p->line.at].kind == LEXER_SIGN)
		return fail(p, "found %s where %s should stand", word(p), what);
	*out = slice_of(p->line.words[p->line.at++].text);
	return true;
}

/* "4d", "1h30"... one number with one of s m h d. */
static bool
take_span(struct parser *p, uint32_t *seconds)
{
	struct slice s;
	uint64_t n;
	uint32_t unit = 1;

	if (!take_any(p, &s, "a time such as 4d, 2h or 90s"))
		return false;
	if (s.len > 1) {
		char c = s.data[s.len - 1];

		unit = c == 'd' ? 86400 : c == 'h' ? 3600 : c == 'm' ? 60 : 1;
		if (c < '0' || c > '9')
			s.len--;
		if (unit == 1 && (c < '0' || c > '9') && c != 's')
			s.len = 0;
	}
	if (!slice_number(s, 31536000 / unit, &n) || n == 0)
		return p->line.at--, fail(p, "\"%s\" is no time; write 4d, 2h, 30m or 90s", word(p));
	*seconds = (uint32_t)n * unit;
	return true;
}

static bool
take_size(struct parser *p, uint64_t most, uint64_t *size)
{
	struct slice s;
	uint64_t unit = 1;

	if (!take_any(p, &s, "a size such as 35M"))
		return false;
	if (s.len > 1) {
		char c = s.data[s.len - 1];

		unit = c == 'K' || c == 'k' ? 1024 : c == 'M' || c == 'm' ? 1048576 : c == 'G' ? 1073741824 : 1;
		if (unit > 1)
			s.len--;
	}
	if (!slice_number(s, most / unit, size) || *size == 0)
		return p->line.at--, fail(p, "\"%s\" is no size; write 35M", word(p));
	*size *= unit;
	return true;
}

static bool
take_number(struct parser *p, uint64_t least, uint64_t most, uint64_t *n)
{
	struct slice s;

	if (!take_any(p, &s, "a number"))
		return false;
	if (!slice_number(s, most, n) || *n < least)
		return p->line.at--, fail(p, "\"%s\" is no number from %llu to %llu", word(p),
		           (unsigned long long)least, (unsigned long long)most);
	return true;
}

static bool
take_sign(struct parser *p, char sign)
{
	if (!more(p) || p->line.words[p->line.at].kind != LEXER_SIGN || word(p)[0] != sign)
		return false;
	p->line.at++;
	return true;
}

/* "{ a, b = c }" into the table that was added last. */
static bool
take_entries(struct parser *p)
{
	while (!take_sign(p, '}')) {
		struct conf_entry e = {0};

		if (!more(p))
			return fail(p, "a { is not closed");
		if (take_sign(p, ','))
			continue;
		if (!take_any(p, &e.key, "an entry"))
			return false;
		if (take_sign(p, '=')) {
			take_sign(p, '>');
			e.has_value = 1;
			if (!take_any(p, &e.value, "a value"))
				return false;
		}
		conf_add_entry(p->conf, &e);
	}
	return true;
}

/* "<name>", "{ … }" or one word: the name of a table that is there. */
static bool
take_table(struct parser *p, struct slice *name)
{
	struct conf_table t = {.backend = BACKEND_STATIC};
	struct conf_entry e = {0};
	char text[32];

	if (take_sign(p, '<')) {
		if (!take_any(p, name, "a table's name") || !take_sign(p, '>'))
			return fail(p, "a table stands as <name>");
		if (conf_find_table(p->conf, *name) == NULL)
			return p->line.at--, fail(p, "table <%.*s> is not defined; write above: table %.*s { … }",
			           SLICE_FMT(*name), SLICE_FMT(*name));
		return true;
	}
	snprintf(text, sizeof(text), "dynamic:%u", ++p->anonymous);
	t.name = slice_of(text);
	if (take_sign(p, '{')) {
		conf_add_table(p->conf, &t);
		if (!take_entries(p))
			return false;
	} else {
		if (!take_any(p, &e.key, "a table or a value"))
			return false;
		conf_add_table(p->conf, &t);
		conf_add_entry(p->conf, &e);
	}
	*name = p->conf->tables[p->conf->table_count - 1].table.name;
	return true;
}

static bool
parse_table(struct parser *p)
{
	static const struct {
		const char *prefix;
		enum conf_backend backend;
	} backends[] = {{"file:", BACKEND_FILE}, {"static:", BACKEND_FILE}, {"passwd:", BACKEND_PASSWD},
	    {"accounts", BACKEND_ACCOUNTS}, {"getpwnam", BACKEND_SYSTEM}};
	struct conf_table t = {0};
	struct slice source;

	if (!take_any(p, &t.name, "the table's name"))
		return false;
	if (conf_find_table(p->conf, t.name) != NULL)
		return fail(p, "table \"%.*s\" is defined twice", SLICE_FMT(t.name));
	if (take_sign(p, '{')) {
		conf_add_table(p->conf, &t);
		return take_entries(p);
	}
	if (!take_any(p, &source, "where it is: file:/path, or { … }"))
		return false;
	if (source.data[0] == '/') {
		t.backend = BACKEND_FILE;
		t.path = source;
		conf_add_table(p->conf, &t);
		return access(source.data, R_OK) == 0 || fail(p, "table \"%.*s\": cannot read %s", SLICE_FMT(t.name), source.data);
	}
	for (size_t i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		if (!slice_has_prefix(source, slice_of(backends[i].prefix)))
			continue;
		t.backend = (uint8_t)backends[i].backend;
		t.path = slice_from(source, strlen(backends[i].prefix));
		conf_add_table(p->conf, &t);
		if (t.path.len > 0 && access(t.path.data, R_OK) != 0)
			return fail(p, "table \"%.*s\": cannot read %s", SLICE_FMT(t.name), t.path.data);
		return true;
	}
	return p->line.at--, fail(p, "\"%s\" is no kind of table; write file:/path, passwd:/path or accounts", word(p));
}

static bool
parse_pki(struct parser *p)
{
	struct conf_pki new = {0}, *pki = NULL;
	struct slice name, path;
	bool is_key;

	if (!take_any(p, &name, "the pki's name"))
		return false;
	is_key = take(p, "key");
	if (!is_key && !take(p, "cert"))
		return fail(p, "found %s; write: pki \"%.*s\" cert \"/path\", or key \"/path\"", word(p), SLICE_FMT(name));
	if (!take_any(p, &path, "the file's path"))
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

static bool
parse_ca(struct parser *p)
{
	struct conf_ca ca = {0};

	if (!take_any(p, &ca.name, "the ca's name") || !take(p, "cert") || !take_any(p, &ca.path, "the file's path"))
		return fail(p, "write: ca \"name\" cert \"/path\"");
	conf_add_ca(p->conf, &ca);
	return true;
}

/* Listen. */

static bool
listen_service(struct parser *p, struct conf_listen *l, bool *has_port)
{
	static const struct {
		const char *word;
		uint8_t service, tls, auth;
		uint16_t port;
	} services[] = {
	    {"imap", SERVICE_IMAP, TLS_NONE, 0, 143}, {"imaps", SERVICE_IMAP, TLS_IMPLICIT, 0, 993},
	    {"pop3", SERVICE_POP3, TLS_NONE, 0, 110}, {"pop3s", SERVICE_POP3, TLS_IMPLICIT, 0, 995},
	    {"submission", SERVICE_SUBMISSION, TLS_NONE, AUTH_REQUIRED, 587},
	    {"submissions", SERVICE_SUBMISSION, TLS_IMPLICIT, AUTH_REQUIRED, 465},
	    {"smtps", SERVICE_SUBMISSION, TLS_IMPLICIT, 0, 465},
	};

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (!take(p, services[i].word))
			continue;
		if (l->service == SERVICE_SMTP)
			l->service = services[i].service;
		l->tls = services[i].tls != TLS_NONE ? services[i].tls : l->tls;
		if (services[i].auth)
			l->auth = services[i].auth;
		if (!*has_port)
			l->port = services[i].port;
		if (take(p, "verify"))
			l->verify = 1;
		return true;
	}
	return false;
}

static bool
listen_option(struct parser *p, struct conf_listen *l, struct buf *pkis, bool *has_port)
{
	uint64_t n;
	struct slice s;

	if (listen_service(p, l, has_port))
		return true;
	if (take(p, "port")) {
		*has_port = true;
		if (take(p, "submission") || take(p, "smtps") || take(p, "smtp")) {
			p->line.at--;
			l->port = strcmp(word(p), "smtps") == 0 ? 465 : strcmp(word(p), "smtp") == 0 ? 25 : 587;
			p->line.at++;
			return true;
		}
		if (!take_number(p, 1, 65535, &n))
			return false;
		l->port = (uint16_t)n;
		return true;
	}
	if (take(p, "tls")) {
		l->tls = TLS_OFFERED;
	} else if (take(p, "tls-require")) {
		l->tls = TLS_REQUIRED;
		l->verify = take(p, "verify");
	} else if (take(p, "pki")) {
		if (!take_any(p, &s, "the pki's name"))
			return false;
		if (conf_find_pki(p->conf, s) == NULL)
			return p->line.at--, fail(p, "pki \"%.*s\" is not defined; write above: pki \"%.*s\" cert \"…\"",
			           SLICE_FMT(s), SLICE_FMT(s));
		ipc_list_add(pkis, s);
	} else if (take(p, "ca")) {
		return take_any(p, &l->ca, "the ca's name");
	} else if (take(p, "ciphers")) {
		return take_any(p, &l->ciphers, "ciphers");
	} else if (take(p, "protocols")) {
		return take_any(p, &l->protocols, "protocols");
	} else if (take(p, "auth") || take(p, "auth-optional")) {
		l->auth = strcmp(p->line.words[p->line.at - 1].text, "auth") == 0 ? AUTH_REQUIRED : AUTH_OPTIONAL;
		if (more(p) && p->line.words[p->line.at].kind == LEXER_SIGN)
			return take_table(p, &l->auth_table);
	} else if (take(p, "hostname")) {
		return take_any(p, &l->hostname, "the host's name");
	} else if (take(p, "hostnames")) {
		return take_table(p, &l->hostnames);
	} else if (take(p, "tag")) {
		return take_any(p, &l->tag, "the tag");
	} else if (take(p, "senders")) {
		return take_table(p, &l->senders);
	} else if (take(p, "masquerade")) {
		l->masquerade = 1;
	} else if (take(p, "mask-src")) {
		l->mask_src = 1;
	} else if (take(p, "received-auth")) {
		l->received_auth = 1;
	} else if (take(p, "no-dsn")) {
		l->no_dsn = 1;
	} else {
		return fail(p, "found \"%s\", which is no option of listen", word(p));
	}
	return true;
}

static void
add_listen(struct parser *p, struct conf_listen *l, const struct netaddr *a)
{
	char text[NETADDR_TEXT];

	l->address = slice_of(netaddr_format(a, text));
	l->id = ++p->listens;
	conf_add_listen(p->conf, l);
}

/* An address, "all", the name of an interface, or a host's name. */
static bool
add_addresses(struct parser *p, struct conf_listen *l, struct slice on)
{
	struct netaddr a;
	struct ifaddrs *list, *i;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *f;
	size_t before = p->conf->listen_count;

	if (netaddr_parse(on, &a)) {
		add_listen(p, l, &a);
		return true;
	}
	if (slice_equal_text(on, "all") || slice_equal_text(on, "any")) {
		netaddr_parse(SLICE("0.0.0.0"), &a);
		add_listen(p, l, &a);
		netaddr_parse(SLICE("::"), &a);
		add_listen(p, l, &a);
		return true;
	}
	if (getifaddrs(&list) == 0) {
		for (i = list; i != NULL; i = i->ifa_next) {
			if (i->ifa_addr != NULL && slice_equal_text(on, i->ifa_name) && netaddr_from_sockaddr(&a, i->ifa_addr) &&
			    (a.family == AF_INET || a.family == AF_INET6))
				add_listen(p, l, &a);
		}
		freeifaddrs(list);
	}
	if (p->conf->listen_count == before && getaddrinfo(on.data, NULL, &hints, &found) == 0) {
		for (f = found; f != NULL; f = f->ai_next) {
			if (netaddr_from_sockaddr(&a, f->ai_addr))
				add_listen(p, l, &a);
		}
		freeaddrinfo(found);
	}
	return p->conf->listen_count > before ||
	    fail(p, "listen on \"%.*s\": neither an address, an interface nor a host's name", SLICE_FMT(on));
}

static bool
parse_listen(struct parser *p)
{
	struct conf_listen l = {.port = 25};
	struct buf pkis = {0};
	struct slice on;
	bool has_port = false, ok = true;

	if (!take(p, "on") || !take_any(p, &on, "an address"))
		return fail(p, "write: listen on ADDRESS …");
	while (ok && more(p))
		ok = listen_option(p, &l, &pkis, &has_port);
	l.pki = buf_slice(&pkis);
	if (ok && l.auth != AUTH_NONE && l.service == SERVICE_SMTP && l.port != 25)
		l.service = SERVICE_SUBMISSION;
	if (ok && l.tls != TLS_NONE && pkis.len == 0)
		ok = fail(p, "TLS needs a certificate; add: pki \"name\"");
	if (ok && l.tls == TLS_NONE && pkis.len > 0)
		ok = fail(p, "a pki without TLS; add: tls");
	ok = ok && add_addresses(p, &l, on);
	buf_fini(&pkis);
	return ok;
}

/* Action. */

static bool
action_method(struct parser *p, struct conf_action *a)
{
	static const struct {
		const char *word;
		enum conf_method method;
		int argument;      /* 0 none, 1 may have, 2 must */
	} methods[] = {{"mailbox", METHOD_MAILBOX, 0}, {"relay", METHOD_RELAY, 0}, {"maildir", METHOD_MAILDIR, 1},
	    {"mbox", METHOD_MBOX, 0}, {"lmtp", METHOD_LMTP, 2}, {"mda", METHOD_MDA, 2},
	    {"expand-only", METHOD_EXPAND_ONLY, 0}, {"forward-only", METHOD_FORWARD_ONLY, 0}};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!take(p, methods[i].word))
			continue;
		a->method = (uint8_t)methods[i].method;
		if (methods[i].argument == 2 ||
		    (methods[i].argument == 1 && more(p) && p->line.words[p->line.at].kind == LEXER_STRING))
			return take_any(p, &a->argument, "its argument");
		return true;
	}
	return fail(p, "found \"%s\"; a method is mailbox, relay, maildir, mbox, lmtp, mda, expand-only or forward-only", word(p));
}

static bool
action_option(struct parser *p, struct conf_action *a)
{
	if (take(p, "alias"))
		return take_table(p, &a->alias);
	if (take(p, "virtual"))
		return take_table(p, &a->virtual);
	if (take(p, "userbase"))
		return take_table(p, &a->userbase);
	if (take(p, "user"))
		return take_any(p, &a->user, "the user's name");
	if (take(p, "wrapper"))
		return take_any(p, &a->wrapper, "the wrapper's name");
	if (take(p, "ttl"))
		return take_span(p, &a->ttl);
	if (take(p, "junk"))
		return a->junk = 1, true;
	if (take(p, "rcpt-to"))
		return a->rcpt_to = 1, true;
	if (a->method != METHOD_RELAY)
		return fail(p, "found \"%s\", which is no option of this action", word(p));
	if (take(p, "host")) {
		if (more(p) && p->line.words[p->line.at].kind == LEXER_SIGN)
			return take_table(p, &a->host_table);
		return take_any(p, &a->host, "smtp://host");
	}
	if (take(p, "domain"))
		return take_table(p, &a->domain_table);
	if (take(p, "auth"))
		return take_table(p, &a->auth_table);
	if (take(p, "ca"))
		return take_any(p, &a->ca, "the ca's name");
	if (take(p, "helo"))
		return take_any(p, &a->helo, "a host's name");
	if (take(p, "src"))
		return take_any(p, &a->src, "an address");
	if (take(p, "tls")) {
		a->tls = take(p, "no-verify") ? RELAY_TLS_NO_VERIFY : RELAY_TLS_REQUIRED;
		return true;
	}
	return fail(p, "found \"%s\", which is no option of relay", word(p));
}

static bool
parse_action(struct parser *p)
{
	struct conf_action a = {0};

	if (!take_any(p, &a.name, "the action's name") || !action_method(p, &a))
		return false;
	if (conf_find_action(p->conf, a.name) != NULL)
		return fail(p, "action \"%.*s\" is defined twice", SLICE_FMT(a.name));
	while (more(p)) {
		if (!action_option(p, &a))
			return false;
	}
	conf_add_action(p->conf, &a);
	return true;
}

/* Match. */

static bool
take_condition(struct parser *p, struct conf_condition *n, bool *has_from, bool *has_for)
{
	static const struct {
		const char *first, *second;
		enum conf_subject subject;
		int table;      /* 0 none, 1 may, 2 must */
	} conditions[] = {
	    {"from", "any", FROM_ANY, 0}, {"from", "local", FROM_LOCAL, 0}, {"from", "socket", FROM_SOCKET, 0},
	    {"from", "auth", FROM_AUTH, 1}, {"from", "mail-from", FROM_MAIL_FROM, 2}, {"from", "rdns", FROM_RDNS, 1},
	    {"from", "src", FROM_SRC, 2}, {"for", "any", FOR_ANY, 0}, {"for", "local", FOR_LOCAL, 0},
	    {"for", "domain", FOR_DOMAIN, 2}, {"for", "rcpt-to", FOR_RCPT_TO, 2}, {"auth", NULL, WITH_AUTH, 1},
	    {"helo", NULL, WITH_HELO, 2}, {"mail-from", NULL, WITH_MAIL_FROM, 2}, {"rcpt-to", NULL, WITH_RCPT_TO, 2},
	    {"tag", NULL, WITH_TAG, 2}, {"tls", NULL, WITH_TLS, 0},
	};
	size_t start = p->line.at;

	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		p->line.at = start;
		if (!take(p, conditions[i].first) || (conditions[i].second != NULL && !take(p, conditions[i].second)))
			continue;
		n->subject = (uint8_t)conditions[i].subject;
		*has_from |= strcmp(conditions[i].first, "from") == 0;
		*has_for |= strcmp(conditions[i].first, "for") == 0;
		n->regex = conditions[i].table > 0 && take(p, "regex");
		if (conditions[i].table == 2 ||
		    (conditions[i].table == 1 && more(p) && p->line.words[p->line.at].kind != LEXER_WORD))
			return take_table(p, &n->table);
		return true;
	}
	p->line.at = start;
	return fail(p, "found \"%s\", which is no condition of match", word(p));
}

static bool
parse_match(struct parser *p)
{
	struct conf_match m = {.line = p->line.words[0].line};
	struct conf_condition list[40] = {0};
	size_t count = 0;
	bool has_from = false, has_for = false, is_done = false;

	while (more(p) && !is_done) {
		if (take(p, "reject")) {
			m.reject = 1;
			is_done = true;
		} else if (take(p, "action")) {
			if (!take_any(p, &m.action, "the action's name"))
				return false;
			if (conf_find_action(p->conf, m.action) == NULL)
				return p->line.at--, fail(p, "action \"%.*s\" is not defined; write above: action \"%.*s\" mailbox",
				           SLICE_FMT(m.action), SLICE_FMT(m.action));
			is_done = true;
		} else {
			if (count >= 38)
				return fail(p, "more than 38 conditions");
			list[count].negated = take_sign(p, '!');
			if (!take_condition(p, &list[count++], &has_from, &has_for))
				return false;
		}
	}
	if (!is_done || more(p))
		return fail(p, "a match ends in: action \"name\", or reject");
	if (!has_from)
		list[count++].subject = FROM_LOCAL;
	if (!has_for)
		list[count++].subject = FOR_LOCAL;
	conf_add_match(p->conf, &m);
	for (size_t i = 0; i < count; i++)
		conf_add_condition(p->conf, &list[i]);
	return true;
}

/* What stands alone. */

static bool
parse_limits(struct parser *p)
{
	uint64_t n;
	struct slice s;

	if (take(p, "max-message-size"))
		return take_size(p, 0x7fffffff, &p->global.max_message);
	if (take(p, "limit")) {
		bool is_rcpt = take(p, "max-rcpt");

		if (!is_rcpt && !take(p, "max-mails"))
			return fail(p, "found \"%s\"; write max-mails or max-rcpt", word(p));
		if (!take_number(p, 1, is_rcpt ? LIMIT_RECIPIENTS : 1000000, &n))
			return false;
		*(is_rcpt ? &p->global.max_rcpt : &p->global.max_mails) = (uint32_t)n;
		return true;
	}
	if (take(p, "sub-addr-delim")) {
		if (!take_any(p, &s, "one character") || s.len != 1 || s.data[0] == '@')
			return fail(p, "sub-addr-delim is one printable character");
		p->global.sub_addr_delim = (uint8_t)s.data[0];
		return true;
	}
	if (take(p, "ciphers"))
		return take_any(p, &p->global.smtp_ciphers, "ciphers");
	return fail(p, "found \"%s\", which is no option of smtp", word(p));
}

static bool
parse_mta(struct parser *p)
{
	uint64_t n;

	if (take(p, "max-deferred")) {
		if (!take_number(p, 1, 1000000, &n))
			return false;
		p->global.mta_max_deferred = (uint32_t)n;
		return true;
	}
	if (take(p, "port")) {
		if (!take_number(p, 1, 65535, &n))
			return false;
		p->global.relay_port = (uint16_t)n;
		return true;
	}
	return fail(p, "found \"%s\", which is no option of mta", word(p));
}

static bool
parse_bounce(struct parser *p)
{
	uint32_t seconds;

	if (!take(p, "warn-interval"))
		return fail(p, "write: bounce warn-interval 4h");
	buf_clear(&p->warn);
	do {
		char text[16];

		if (!take_span(p, &seconds))
			return false;
		if (++p->bounce > 4)
			return fail(p, "at most four warnings");
		snprintf(text, sizeof(text), "%u", seconds);
		ipc_list_add(&p->warn, slice_of(text));
	} while (take_sign(p, ','));
	return true;
}

static bool
parse_path(struct parser *p, struct slice *out)
{
	return (take(p, "path") && take_any(p, out, "a path")) || fail(p, "write: path \"/…\"");
}

static bool
parse_line(struct parser *p)
{
	struct slice s;

	/* name = value */
	if (p->line.count == 3 && p->line.words[1].kind == LEXER_SIGN && p->line.words[1].text[0] == '=') {
		lexer_set(p->lexer, p->line.words[0].text, p->line.words[2].text);
		p->line.at = p->line.count;
		return true;
	}
	if (take(p, "table"))
		return parse_table(p);
	if (take(p, "pki"))
		return parse_pki(p);
	if (take(p, "ca"))
		return parse_ca(p);
	if (take(p, "listen"))
		return parse_listen(p);
	if (take(p, "action"))
		return parse_action(p);
	if (take(p, "match"))
		return parse_match(p);
	if (take(p, "hostname"))
		return take_any(p, &p->global.hostname, "the host's name");
	if (take(p, "queue"))
		return take(p, "ttl") ? take_span(p, &p->global.queue_ttl) : parse_path(p, &p->global.queue_path);
	if (take(p, "mail"))
		return parse_path(p, &p->global.mail_path);
	if (take(p, "run"))
		return parse_path(p, &p->global.run_path);
	if (take(p, "accounts"))
		return parse_path(p, &p->global.accounts_path);
	if (take(p, "resolver"))
		return take_any(p, &p->global.dns_server, "address[@port]");
	if (take(p, "smtp"))
		return parse_limits(p);
	if (take(p, "mta"))
		return parse_mta(p);
	if (take(p, "bounce"))
		return parse_bounce(p);
	if (take(p, "include"))
		return take_any(p, &s, "a path") && (lexer_include(p->lexer, s.data, p->why) || fail(p, "%s", p->why->text));
	return fail(p, "found \"%s\", which begins no line of smtpd.conf", word(p));
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
			return fail(p, "a line of more than %d words; use a table of its own", WORDS);
		p->line.words[p->line.count++] = t;
	}
}

static void
set_defaults(struct parser *p, char hostname[LIMIT_HOSTNAME + 1])
{
	if (gethostname(hostname, LIMIT_HOSTNAME) < 0 || hostname[0] == '\0')
		snprintf(hostname, LIMIT_HOSTNAME, "localhost");
	p->global = (struct conf_global){.hostname = slice_of(hostname), .queue_path = SLICE("/var/spool/kurir"),
	    .mail_path = SLICE("/var/mail/kurir"), .run_path = SLICE("/var/run/kurir"),
	    .accounts_path = SLICE("/var/db/kurir/accounts.db"), .max_message = LIMIT_MESSAGE,
	    .max_rcpt = LIMIT_RECIPIENTS, .max_mails = LIMIT_MESSAGES, .sub_addr_delim = '+', .queue_ttl = 4 * 86400,
	    .relay_port = 25, .mta_max_deferred = 100};
	ipc_list_add(&p->warn, SLICE("14400"));
}

static bool
parse_all(struct parser *p)
{
	bool is_end = false;

	while (!is_end) {
		if (!next_line(p, &is_end))
			return false;
		if (p->line.count > 0 && (!parse_line(p) || (more(p) && !fail(p, "found \"%s\" at the end of the line", word(p)))))
			return false;
	}
	if (p->conf->match_count == 0)
		return error_set(p->why, "there is no match; write: match from any for domain \"example.org\" action \"…\"");
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
			return error_errno(why, "pki \"%.*s\": cannot read the key %s", SLICE_FMT(p->name), p->key_path.data);
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
