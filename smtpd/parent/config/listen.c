/* listen on: service, address, port, TLS and the rest of a line that serves. */
#include "smtpd/parent/config/parser.h"

#include "common/net/netaddr.h"
#include "smtpd/parent/config/interface.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

void
listen_begin(struct parser *p, uint8_t is_local)
{
	p->listen = (struct conf_listen){.local = is_local, .port = is_local ? 0 : 25};
	buf_clear(&p->pkis);
	p->has_port = p->wants_inet4 = p->wants_inet6 = false;
}

bool
listen_service(struct parser *p, struct place at, const char *word, bool verify)
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
	    {"smtps", SERVICE_SMTP, TLS_IMPLICIT, 0, 465},
	};
	struct conf_listen *l = &p->listen;

	if (strcmp(word, "smtps") != 0 && !option_once(p, at, "a service"))
		return false;
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (strcmp(services[i].word, word) != 0)
			continue;
		if (services[i].service != SERVICE_SMTP)
			l->service = services[i].service;
		if (l->auth == AUTH_NONE)
			l->auth = services[i].auth;
		if (!p->has_port)
			l->port = services[i].port;
		if (services[i].tls == TLS_IMPLICIT)
			return listen_tls(p, at, TLS_IMPLICIT, verify);
		return !verify || config_fail(p, at, "verify needs TLS; write: tls-require verify");
	}
	return config_fail(p, at, "\"%s\" is no service", word);
}

bool
listen_port(struct parser *p, struct place at, const char *word)
{
	struct servent *s;
	uint64_t n;

	p->has_port = true;
	if (slice_number(slice_of(word), 65535, &n) && n > 0) {
		p->listen.port = (uint16_t)n;
		return true;
	}
	if (strcmp(word, "submission") == 0 || strcmp(word, "smtps") == 0) {
		p->listen.port = word[1] == 'u' ? 587 : 465;
		return true;
	}
	s = getservbyname(word, "tcp");
	if (s == NULL)
		return config_fail(
		    p, at, "\"%.100s\" is no port; write a number from 1 to 65535", word);
	p->listen.port = ntohs((uint16_t)s->s_port);
	return true;
}

bool
listen_tls(struct parser *p, struct place at, uint8_t tls, bool verify)
{
	p->listen.tls = tls;
	p->listen.verify = verify;
	return option_once(p, at, "TLS");
}

/* Called for each address of an interface or a host's name. */
static bool
add(void *owner, const struct netaddr *a)
{
	struct parser *p = owner;
	char text[NETADDR_TEXT];

	if ((p->wants_inet4 || p->wants_inet6) &&
	    !(a->family == AF_INET ? p->wants_inet4 : p->wants_inet6))
		return false;
	p->listen.address = slice_of(netaddr_format_scoped(a, text));
	p->listen.id = ++p->listens;
	config_note(&p->listen_places, p->begin);
	conf_add_listen(p->conf, &p->listen);
	return true;
}

static bool
add_named_host(struct parser *p, const char *name)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *f;
	struct netaddr a;
	bool any = false;

	if (getaddrinfo(name, NULL, &hints, &found) != 0)
		return false;
	for (f = found; f != NULL; f = f->ai_next)
		any |= netaddr_from_sockaddr(&a, f->ai_addr) && add(p, &a);
	freeaddrinfo(found);
	return any;
}

static bool
add_addresses(struct parser *p, struct place at, const char *on)
{
	bool is_all = strcmp(on, "all") == 0 || strcmp(on, "any") == 0;
	struct netaddr a;

	if (netaddr_parse_scoped(slice_of(on), &a))
		return add(p, &a) ||
		       config_fail(p, at, "\"%s\" is of the family that the line leaves out", on);
	if (is_all) {
		bool v4 = netaddr_parse(SLICE("0.0.0.0"), &a) && add(p, &a);

		return (netaddr_parse(SLICE("::"), &a) && add(p, &a)) || v4;
	}
	return interface_each(on, add, p) || add_named_host(p, on) ||
	       config_fail(
		   p, at, "listen on \"%.100s\": no address, interface or host has that name", on);
}

/* What the options of a line must be to each other. */
static bool
fits(struct parser *p, struct place at)
{
	const struct conf_listen *l = &p->listen;
	bool is_smtp = l->service == SERVICE_SMTP || l->service == SERVICE_SUBMISSION;

	if (l->tls != TLS_NONE && l->pki.len == 0)
		return config_fail(p, at, "TLS needs a certificate; add: pki \"name\"");
	if (l->tls == TLS_NONE && l->pki.len > 0)
		return config_fail(p, at, "a pki serves TLS only; add: tls");
	if (is_smtp && l->auth != AUTH_NONE && l->tls == TLS_NONE)
		return config_fail(p, at, "a password needs TLS; add: tls pki \"name\"");
	if (!is_smtp && (l->auth != AUTH_NONE || l->senders.len > 0 || l->received_auth ||
			    l->proxy_v2 || l->hostnames.len > 0))
		return config_fail(
		    p, at, "auth, senders, hostnames, received-auth and proxy-v2 are for SMTP");
	return true;
}

/* An address and a port serve one line: nobody could say which of two a client meets. */
static bool
is_alone(struct parser *p, struct place at, size_t first)
{
	for (size_t i = first; i < p->conf->listen_count; i++) {
		const struct conf_listen *l = &p->conf->listens[i];

		for (size_t k = 0; k < first; k++) {
			const struct conf_listen *had = &p->conf->listens[k];

			if (!had->local && had->port == l->port && slice_equal(had->address, l->address))
				return config_fail(p, at, "line %u listens on %.*s port %u already",
				    config_noted(&p->listen_places, k).line, SLICE_FMT(l->address),
				    l->port);
		}
	}
	return true;
}

bool
listen_end(struct parser *p, struct place at, const char *on)
{
	size_t first = p->conf->listen_count;
	struct conf_listen *l = &p->listen;

	p->begin = at;
	l->pki = buf_slice(&p->pkis);
	if (l->auth != AUTH_NONE && l->service == SERVICE_SMTP && l->port != 25)
		l->service = SERVICE_SUBMISSION;
	if (l->local) {
		for (size_t i = 0; i < p->conf->listen_count; i++) {
			if (p->conf->listens[i].local)
				return config_fail(p, at, "\"listen on socket\" stands twice");
		}
		l->id = ++p->listens;
		if (!section_fits(p, at, &conf_listen_schema, l))
			return false;
		config_note(&p->listen_places, at);
		conf_add_listen(p->conf, l);
		return true;
	}
	l->id = 1;
	return fits(p, at) && section_fits(p, at, &conf_listen_schema, l) &&
	       add_addresses(p, at, on) && is_alone(p, at, first);
}
