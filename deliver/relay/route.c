#include "deliver/relay/route.h"

#include <string.h>

static const struct {
	const char *prefix;
	enum relay_security security;
	bool is_verified;
	uint16_t port;
} schemes[] = {
    {"smtp://", SECURITY_OPPORTUNISTIC, false, 25},
    {"smtp+tls://", SECURITY_STARTTLS, true, 25},
    {"smtp+notls://", SECURITY_CLEAR, false, 25},
    {"smtps://", SECURITY_SMTPS, true, 465},
    {"lmtp://", SECURITY_CLEAR, false, 24},
};

static void
take_scheme(struct relay_route *r, struct slice *url)
{
	r->security = SECURITY_OPPORTUNISTIC;
	r->port = 25;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (!slice_has_prefix_nocase(*url, slice_of(schemes[i].prefix)))
			continue;
		r->security = schemes[i].security;
		r->is_verified = schemes[i].is_verified;
		r->port = schemes[i].port;
		r->is_lmtp = slice_equal_text(slice_of(schemes[i].prefix), "lmtp://");
		*url = slice_from(*url, strlen(schemes[i].prefix));
		return;
	}
}

/* The port behind the last colon, unless that colon is inside [IPv6]. */
static bool
take_port(struct relay_route *r, struct slice *url)
{
	ptrdiff_t colon = slice_find_last(*url, ':'), bracket = slice_find_last(*url, ']');
	uint64_t port;

	if (colon < 0 || colon < bracket)
		return true;
	if (!slice_number(slice_from(*url, (size_t)colon + 1), 65535, &port) || port == 0)
		return false;
	r->port = (uint16_t)port;
	*url = slice_sub(*url, 0, (size_t)colon);
	return true;
}

bool
relay_route_parse(struct relay_route *r, struct slice url)
{
	ptrdiff_t at;

	*r = (struct relay_route){.port = 25};
	take_scheme(r, &url);
	at = slice_find(url, '@');
	if (at >= 0) {
		if (at == 0 ||
		    !slice_copy(slice_sub(url, 0, (size_t)at), r->label, sizeof(r->label)))
			return false;
		url = slice_from(url, (size_t)at + 1);
	}
	if (r->label[0] != '\0' && r->security != SECURITY_STARTTLS &&
	    r->security != SECURITY_SMTPS)
		return false;
	if (!take_port(r, &url))
		return false;
	if (url.len > 2 && url.data[0] == '[' && url.data[url.len - 1] == ']')
		url = slice_sub(url, 1, url.len - 2);
	else if (url.len > 0 && url.data[url.len - 1] == '.')
		url = slice_sub(url, 0, url.len - 1); /* absolute, and no certificate names it so */
	return url.len > 0 && slice_copy(url, r->host, sizeof(r->host));
}

bool
relay_route_is_same(const struct netaddr *a, const struct netaddr *b)
{
	return a->port == b->port && netaddr_equal(a, b);
}

char *
relay_route_place(const struct relay_route *r, struct slice domain)
{
	struct buf text = {0};

	buf_printf(&text, "%d %d %d %u %s@%s", (int)r->security, (int)r->is_verified,
	    (int)r->is_lmtp, (unsigned)r->port, r->label, r->host);
	if (r->host[0] == '\0')
		buf_add_slice(&text, domain);
	return buf_take(&text, NULL);
}

bool
relay_route_init(struct relay_route *r, const struct conf *c, const struct conf_action *a,
    struct slice url, struct error *why)
{
	if (url.len > 0) {
		if (!relay_route_parse(r, url))
			return error_set(why, "action \"%.*s\": \"%.*s\" is not a relay URL",
			    SLICE_FMT(a->name), SLICE_FMT(url));
	} else {
		*r = (struct relay_route){
		    .security = SECURITY_OPPORTUNISTIC, .port = c->global.relay_port};
	}
	if (a->tls == RELAY_TLS_REQUIRED) {
		r->security = r->security == SECURITY_SMTPS ? SECURITY_SMTPS : SECURITY_STARTTLS;
		r->is_verified = true;
	} else if (a->tls == RELAY_TLS_NO_VERIFY) {
		r->security = r->security == SECURITY_SMTPS ? SECURITY_SMTPS : SECURITY_STARTTLS;
		r->is_verified = false;
	}
	return true;
}

void
relay_route_add(struct relay_route *r, struct slice address, struct slice name, uint16_t preference)
{
	struct relay_candidate *c;

	if (r->count == LIMIT_ROUTE)
		return;
	c = &r->candidates[r->count++];
	*c = (struct relay_candidate){.preference = preference};
	slice_copy(name, c->name, sizeof(c->name));
	if (address.len != 4 && address.len != 16)
		return;
	c->address.family = address.len == 4 ? AF_INET : AF_INET6;
	c->address.port = r->port;
	memcpy(c->address.octets, address.data, address.len);
}

enum relay_way
relay_route_without_self(struct relay_route *r, struct slice hostname)
{
	size_t kept = 0, before = 0;
	unsigned own = UINT16_MAX + 1U;

	for (size_t i = 0; i < r->count; i++) {
		if (slice_equal_nocase(slice_of(r->candidates[i].name), hostname) &&
		    r->candidates[i].preference < own)
			own = r->candidates[i].preference;
	}
	for (size_t i = 0; i < r->count; i++) {
		if (r->candidates[i].preference >= own)
			continue;
		before++;
		if (r->candidates[i].address.family != 0)
			r->candidates[kept++] = r->candidates[i];
		else
			r->has_unknown = true;
	}
	r->count = kept;
	if (kept > 0)
		return WAY_ON;
	return before > 0 ? WAY_UNKNOWN : WAY_BACK;
}

static bool
is_weak(const struct relay_route *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++) {
		if (r->candidates[i].is_weak && strcmp(r->candidates[i].name, name) == 0)
			return true;
	}
	return false;
}

bool
relay_route_is_weak(const struct relay_route *r)
{
	for (size_t i = 0; i < r->count; i++) {
		if (!is_weak(r, r->candidates[i].name))
			return false;
	}
	return r->count > 0 && !r->has_unknown;
}
