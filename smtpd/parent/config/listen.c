#include "smtpd/parent/config/listen.h"

#include "common/net/netaddr.h"
#include "smtpd/parent/config/interface.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

void
listen_begin(struct listen_line *l, struct draft *d, bool is_local)
{
	listen_fini(l);
	*l = (struct listen_line){
	    .draft = d, .had.draft = d, .conf = {.local = is_local, .port = is_local ? 0 : 25}};
}

void
listen_fini(struct listen_line *l)
{
	buf_fini(&l->pkis);
}

bool
listen_service(struct listen_line *l, struct place at, const char *word, bool verify)
{
	const struct conf_service_word *s = conf_service_find(word);

	if (s == NULL)
		return draft_fail(l->draft, at, "\"%s\" is no service", word);
	if (s->service != SERVICE_SMTP && !option_once(&l->had, at, "a service"))
		return false;
	if (s->service != SERVICE_SMTP)
		l->conf.service = s->service;
	if (l->conf.auth == AUTH_NONE)
		l->conf.auth = s->auth;
	if (!l->has_port)
		l->conf.port = s->port;
	if (s->tls == TLS_IMPLICIT)
		return listen_tls(l, at, TLS_IMPLICIT, verify);
	return !verify || draft_fail(l->draft, at, "verify needs TLS; write: tls-require verify");
}

bool
listen_port(struct listen_line *l, struct place at, const char *word)
{
	struct servent *s;
	uint64_t n;

	l->has_port = true;
	if (slice_number(slice_of(word), 65535, &n) && n > 0) {
		l->conf.port = (uint16_t)n;
		return true;
	}
	if (strcmp(word, "submission") == 0 || strcmp(word, "smtps") == 0) {
		l->conf.port = word[1] == 'u' ? 587 : 465;
		return true;
	}
	s = getservbyname(word, "tcp");
	if (s == NULL)
		return draft_fail(
		    l->draft, at, "\"%.100s\" is no port; write a number from 1 to 65535", word);
	l->conf.port = ntohs((uint16_t)s->s_port);
	return true;
}

bool
listen_tls(struct listen_line *l, struct place at, uint8_t tls, bool verify)
{
	l->conf.tls = tls;
	l->conf.verify = verify;
	return option_once(&l->had, at, "TLS");
}

bool
listen_pki(struct listen_line *l, struct definitions *s, struct place at, const char *name)
{
	struct slice found;

	if (!refer_pki(s, at, name, &found))
		return false;
	ipc_list_add(&l->pkis, found);
	return true;
}

static void
add_section(struct listen_line *l)
{
	l->conf.id = (uint32_t)l->draft->conf->listen_count + 1;
	places_add(&l->draft->listens, l->at);
	conf_add_listen(l->draft->conf, &l->conf);
}

/* Called for each address of an interface or a host's name. */
static bool
add(void *owner, const struct netaddr *a)
{
	struct listen_line *l = owner;
	char text[NETADDR_TEXT];

	if ((l->wants_inet4 || l->wants_inet6) &&
	    !(a->family == AF_INET ? l->wants_inet4 : l->wants_inet6))
		return false;
	l->conf.address = slice_of(netaddr_format_scoped(a, text));
	add_section(l);
	return true;
}

static bool
add_named_host(struct listen_line *l, const char *name)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *f;
	struct netaddr a;
	bool any = false;

	if (getaddrinfo(name, NULL, &hints, &found) != 0)
		return false;
	for (f = found; f != NULL; f = f->ai_next)
		any |= netaddr_from_sockaddr(&a, f->ai_addr) && add(l, &a);
	freeaddrinfo(found);
	return any;
}

static bool
add_addresses(struct listen_line *l, struct place at, const char *on)
{
	bool is_all = strcmp(on, "all") == 0 || strcmp(on, "any") == 0;
	struct netaddr a;

	if (netaddr_parse_scoped(slice_of(on), &a))
		return add(l, &a) || draft_fail(l->draft, at,
					 "\"%s\" is of the family that the line leaves out", on);
	if (is_all) {
		bool v4 = netaddr_parse(SLICE("0.0.0.0"), &a) && add(l, &a);

		return (netaddr_parse(SLICE("::"), &a) && add(l, &a)) || v4;
	}
	return interface_each(on, add, l) || add_named_host(l, on) ||
	       draft_fail(l->draft, at,
		   "listen on \"%.100s\": no address, interface or host has that name; "
		   "write one that \"ifconfig\" or \"ip address\" shows, or all%s",
		   on, strchr(on, ':') == NULL ? "" : ", and a port as: port 25");
}

/* What the options of a line must be to each other. */
static bool
fits(struct listen_line *l)
{
	const struct conf_listen *c = &l->conf;
	bool is_smtp = c->service == SERVICE_SMTP || c->service == SERVICE_SUBMISSION;

	if (c->tls != TLS_NONE && c->pki.len == 0)
		return draft_fail(l->draft, l->at, "TLS needs a certificate; add: pki \"name\"");
	if (c->tls == TLS_NONE && c->pki.len > 0)
		return draft_fail(l->draft, l->at, "a pki serves TLS only; add: tls");
	if (is_smtp && c->auth != AUTH_NONE && c->tls == TLS_NONE)
		return draft_fail(l->draft, l->at, "a password needs TLS; add: tls pki \"name\"");
	if (!is_smtp && (c->auth != AUTH_NONE || c->senders.len > 0 || c->received_auth ||
			    c->proxy_v2 || c->hostnames.len > 0))
		return draft_fail(l->draft, l->at,
		    "auth, senders, hostnames, received-auth and proxy-v2 are for SMTP");
	return true;
}

static bool
is_same_place(const struct conf_listen *a, const struct conf_listen *b)
{
	return !a->local && a->port == b->port && slice_equal(a->address, b->address);
}

/* An address and a port serve one line: nobody could say which of two a client meets. */
static bool
is_alone(struct listen_line *l, size_t first)
{
	const struct conf *c = l->draft->conf;

	for (size_t i = first; i < c->listen_count; i++) {
		const struct conf_listen *added = &c->listens[i];

		for (size_t k = 0; k < first; k++) {
			if (is_same_place(&c->listens[k], added))
				return draft_fail(l->draft, l->at,
				    "line %u listens on %.*s port %u already",
				    places_of(&l->draft->listens, k).line,
				    SLICE_FMT(added->address), added->port);
		}
	}
	return true;
}

/* The socket of those who are on this machine: there is one. */
static bool
end_local(struct listen_line *l)
{
	const struct conf *c = l->draft->conf;

	for (size_t i = 0; i < c->listen_count; i++) {
		if (c->listens[i].local)
			return draft_fail(l->draft, l->at, "\"listen on socket\" stands twice");
	}
	l->conf.id = 1;
	if (!draft_fits(l->draft, l->at, &conf_listen_schema, &l->conf))
		return false;
	add_section(l);
	return true;
}

bool
listen_end(struct listen_line *l, struct place at, const char *on)
{
	size_t first = l->draft->conf->listen_count;

	l->at = at;
	if (l->conf.tls != TLS_NONE && l->pkis.len == 0 &&
	    conf_find_pki(l->draft->conf, SLICE("*")) != NULL)
		ipc_list_add(&l->pkis, SLICE("*"));
	l->conf.pki = buf_slice(&l->pkis);
	if (l->conf.auth != AUTH_NONE && l->conf.service == SERVICE_SMTP && l->conf.port != 25)
		l->conf.service = SERVICE_SUBMISSION;
	if (l->conf.local)
		return end_local(l);
	l->conf.id = 1;
	return fits(l) && draft_fits(l->draft, at, &conf_listen_schema, &l->conf) &&
	       add_addresses(l, at, on) && is_alone(l, first);
}
