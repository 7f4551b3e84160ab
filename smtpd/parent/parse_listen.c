/* listen on: service, address, port, TLS and the rest of a line that serves. */
#include "smtpd/parent/parser.h"

#include "common/net/netaddr.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>

static bool
listen_service(struct parser *p, struct conf_listen *l, bool *has_port)
{
	static const struct {
		const char *word;
		uint8_t service, tls, auth;
		uint16_t port;
	} services[] = {
	    {"imap", SERVICE_IMAP, TLS_NONE, 0, 143},
	    {"imaps", SERVICE_IMAP, TLS_IMPLICIT, 0, 993},
	    {"pop3", SERVICE_POP3, TLS_NONE, 0, 110},
	    {"pop3s", SERVICE_POP3, TLS_IMPLICIT, 0, 995},
	    {"submission", SERVICE_SUBMISSION, TLS_NONE, AUTH_REQUIRED, 587},
	    {"submissions", SERVICE_SUBMISSION, TLS_IMPLICIT, AUTH_REQUIRED, 465},
	    {"smtps", SERVICE_SUBMISSION, TLS_IMPLICIT, 0, 465},
	};

	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (!parse_take(p, services[i].word))
			continue;
		if (l->service == SERVICE_SMTP)
			l->service = services[i].service;
		l->tls = services[i].tls != TLS_NONE ? services[i].tls : l->tls;
		if (services[i].auth)
			l->auth = services[i].auth;
		if (!*has_port)
			l->port = services[i].port;
		if (parse_take(p, "verify"))
			l->verify = 1;
		return true;
	}
	return false;
}

/* Options that are one word. */
static bool
listen_flag(struct parser *p, struct conf_listen *l)
{
	const struct {
		const char *word;
		uint8_t *flag;
	} flags[] = {{"masquerade", &l->masquerade}, {"mask-src", &l->mask_src},
	    {"received-auth", &l->received_auth}, {"no-dsn", &l->no_dsn}};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (parse_take(p, flags[i].word)) {
			*flags[i].flag = 1;
			return true;
		}
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
	if (parse_take(p, "port")) {
		*has_port = true;
		if (parse_take(p, "submission") || parse_take(p, "smtps") || parse_take(p, "smtp")) {
			p->line.at--;
			l->port = strcmp(parse_word(p), "smtps") == 0  ? 465
				  : strcmp(parse_word(p), "smtp") == 0 ? 25
								 : 587;
			p->line.at++;
			return true;
		}
		if (!parse_take_number(p, 1, 65535, &n))
			return false;
		l->port = (uint16_t)n;
		return true;
	}
	if (parse_take(p, "tls")) {
		l->tls = TLS_OFFERED;
	} else if (parse_take(p, "tls-require")) {
		l->tls = TLS_REQUIRED;
		l->verify = parse_take(p, "verify");
	} else if (parse_take(p, "pki")) {
		if (!parse_take_any(p, &s, "the pki's name"))
			return false;
		if (conf_find_pki(p->conf, s) == NULL)
			return p->line.at--, parse_fail(p,
						 "pki \"%.*s\" is not defined; write above: pki "
						 "\"%.*s\" cert \"…\"",
						 SLICE_FMT(s), SLICE_FMT(s));
		ipc_list_add(pkis, s);
	} else if (parse_take(p, "ca")) {
		return parse_take_any(p, &l->ca, "the ca's name");
	} else if (parse_take(p, "ciphers")) {
		return parse_take_any(p, &l->ciphers, "ciphers");
	} else if (parse_take(p, "protocols")) {
		return parse_take_any(p, &l->protocols, "protocols");
	} else if (parse_take(p, "auth") || parse_take(p, "auth-optional")) {
		l->auth = strcmp(p->line.words[p->line.at - 1].text, "auth") == 0 ? AUTH_REQUIRED
										  : AUTH_OPTIONAL;
		if (parse_more(p) && p->line.words[p->line.at].kind == LEXER_SIGN)
			return parse_take_table(p, &l->auth_table);
	} else if (parse_take(p, "hostname")) {
		return parse_take_any(p, &l->hostname, "the host's name");
	} else if (parse_take(p, "hostnames")) {
		return parse_take_table(p, &l->hostnames);
	} else if (parse_take(p, "tag")) {
		return parse_take_any(p, &l->tag, "the tag");
	} else if (parse_take(p, "senders")) {
		return parse_take_table(p, &l->senders);
	} else if (!listen_flag(p, l)) {
		return parse_fail(p, "found \"%s\", which is no option of listen", parse_word(p));
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
			if (i->ifa_addr != NULL && slice_equal_text(on, i->ifa_name) &&
			    netaddr_from_sockaddr(&a, i->ifa_addr) &&
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
	       parse_fail(p, "listen on \"%.*s\": neither an address, an interface nor a host's name",
		   SLICE_FMT(on));
}

bool
parse_listen(struct parser *p)
{
	struct conf_listen l = {.port = 25};
	struct buf pkis = {0};
	struct slice on;
	bool has_port = false, ok = true;

	if (!parse_take(p, "on") || !parse_take_any(p, &on, "an address"))
		return parse_fail(p, "write: listen on ADDRESS …");
	while (ok && parse_more(p))
		ok = listen_option(p, &l, &pkis, &has_port);
	l.pki = buf_slice(&pkis);
	if (ok && l.auth != AUTH_NONE && l.service == SERVICE_SMTP && l.port != 25)
		l.service = SERVICE_SUBMISSION;
	if (ok && l.tls != TLS_NONE && pkis.len == 0)
		ok = parse_fail(p, "TLS needs a certificate; add: pki \"name\"");
	if (ok && l.tls == TLS_NONE && pkis.len > 0)
		ok = parse_fail(p, "a pki without TLS; add: tls");
	ok = ok && add_addresses(p, &l, on);
	buf_fini(&pkis);
	return ok;
}
