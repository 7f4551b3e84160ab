/*
 * Invariant: expansion goes at most LIMIT_EXPANSION deep and gives at most LIMIT_EXPANDED
 * recipients, whatever the tables say.
 */
#include "smtpd/lookup/route.h"

#include "common/base/hash.h"
#include "common/base/mem.h"
#include "common/mail/address.h"
#include "common/net/netaddr.h"
#include "smtpd/lookup/accounts.h"
#include "smtpd/lookup/table.h"

#include <ifaddrs.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

static struct slice
domain_of(struct slice address)
{
	ptrdiff_t at = slice_find_last(address, '@');

	return at < 0 ? SLICE("") : slice_from(address, (size_t)at + 1);
}

static struct slice
local_of(struct slice address)
{
	ptrdiff_t at = slice_find_last(address, '@');

	return at < 0 ? address : slice_sub(address, 0, (size_t)at);
}

/* This machine: the submission socket, loopback, or one of its own addresses. */
static bool
is_local_client(const struct al_route *q)
{
	struct netaddr client, own;
	struct ifaddrs *list;
	bool found = false;

	if (q->local || q->client.len == 0)
		return true;
	if (!netaddr_parse(q->client, &client))
		return false;
	if (netaddr_is_loopback(&client))
		return true;
	if (getifaddrs(&list) < 0)
		return false;
	for (struct ifaddrs *i = list; i != NULL && !found; i = i->ifa_next)
		found = i->ifa_addr != NULL && netaddr_from_sockaddr(&own, i->ifa_addr) && netaddr_equal(&own, &client);
	freeifaddrs(list);
	return found;
}

static bool
is_local_domain(const struct route *r, struct slice domain)
{
	return slice_equal_nocase(domain, r->conf->global.hostname) || slice_equal_text_nocase(domain, "localhost") ||
	    domain_is_literal(domain);
}

static enum table_result
yes(bool b)
{
	return b ? TABLE_FOUND : TABLE_NOT_FOUND;
}

static enum table_result
text_in(const struct conf_condition *c, struct slice text)
{
	if (c->table.len == 0)
		return yes(text.len > 0);
	return c->regex ? table_matches(c->table, text) : table_find(c->table, text, NULL);
}

static enum table_result
address_in(const struct conf_condition *c, struct slice address)
{
	return c->regex ? table_matches(c->table, address) : table_has_address(c->table, address);
}

static enum table_result
holds(const struct route *r, const struct conf_condition *c, struct slice recipient)
{
	const struct al_route *q = r->question;

	switch ((enum conf_subject)c->subject) {
	case FROM_ANY:
	case FOR_ANY:
		return TABLE_FOUND;
	case FROM_LOCAL:
		return yes(is_local_client(q));
	case FROM_SOCKET:
		return yes(q->local != 0);
	case FROM_AUTH:
	case WITH_AUTH:
		return text_in(c, q->user);
	case FROM_MAIL_FROM:
	case WITH_MAIL_FROM:
		return address_in(c, q->sender);
	case FROM_RDNS:
		return text_in(c, q->rdns);
	case FROM_SRC:
		return c->regex ? table_matches(c->table, q->client) : table_has_netaddr(c->table, q->client);
	case FOR_LOCAL:
		return yes(is_local_domain(r, domain_of(recipient)));
	case FOR_DOMAIN:
		return c->regex ? table_matches(c->table, domain_of(recipient)) : table_has_domain(c->table, domain_of(recipient));
	case FOR_RCPT_TO:
	case WITH_RCPT_TO:
		return address_in(c, recipient);
	case WITH_HELO:
		return text_in(c, q->helo);
	case WITH_TAG:
		return text_in(c, q->tag);
	case WITH_TLS:
		return yes(q->tls != 0);
	}
	return TABLE_TEMPORARY;
}

static enum table_result
match_holds(const struct route *r, const struct conf_match_node *m, struct slice recipient)
{
	for (size_t i = 0; i < m->condition_count; i++) {
		enum table_result t = holds(r, &m->conditions[i], recipient);

		if (t == TABLE_TEMPORARY)
			return TABLE_TEMPORARY;
		if ((t == TABLE_FOUND) == (m->conditions[i].negated != 0))
			return TABLE_NOT_FOUND;
	}
	return TABLE_FOUND;
}

static bool
give(struct route *r, enum al_transport transport, const struct conf_action *a, struct slice address, struct slice user,
    struct slice target)
{
	struct al_recipient m = {.transport = (uint8_t)transport, .action = a->name, .address = address, .user = user,
	    .target = target};

	if (r->count >= LIMIT_EXPANDED)
		return false;
	r->count++;
	if (transport == TRANSPORT_MAILBOX)
		m.mailbox = conf_mailbox_of(user, r->mailboxes);
	r->recipient(r->owner, &m);
	return true;
}

static enum al_route_result route_address(struct route *r, struct slice recipient, int depth);
static enum al_route_result deliver_to(struct route *r, const struct conf_action *a, struct slice address, int depth);

static struct slice
without_detail(const struct route *r, struct slice local)
{
	ptrdiff_t at = slice_find(local, (char)r->conf->global.sub_addr_delim);

	return at <= 0 ? local : slice_sub(local, 0, (size_t)at);
}

/* One target of an alias: user, address, |command, /file, error:CCC text. */
static enum al_route_result
target(struct route *r, const struct conf_action *a, struct slice t, struct slice domain, int depth)
{
	struct buf address = {0};
	enum al_route_result result;

	if (slice_has_prefix(t, SLICE("error:"))) {
		slice_copy(slice_from(t, 6), r->reply, sizeof(r->reply));
		return ROUTE_ERROR;
	}
	if (t.data[0] == '|' || t.data[0] == '/')
		return a->user.len > 0 && give(r, TRANSPORT_AGENT, a, r->question->recipient, a->user, t) ? ROUTE_OK
		                                                                                         : ROUTE_UNKNOWN;
	if (slice_find(t, '@') >= 0)
		return route_address(r, t, depth + 1);
	buf_printf(&address, "%.*s@%.*s", SLICE_FMT(t), SLICE_FMT(domain));
	result = deliver_to(r, a, buf_slice(&address), depth + 1);
	buf_fini(&address);
	return result;
}

/* A comma-separated list; quotes keep a comma. */
static enum al_route_result
targets(struct route *r, const struct conf_action *a, struct slice list, struct slice domain, int depth)
{
	enum al_route_result worst = ROUTE_UNKNOWN;
	struct slice t;

	if (depth > LIMIT_EXPANSION)
		return ROUTE_LOOP;
	while (slice_split(&list, ',', &t)) {
		enum al_route_result one;

		t = slice_trim(t);
		if (t.len > 2 && t.data[0] == '"' && t.data[t.len - 1] == '"')
			t = slice_sub(t, 1, t.len - 2);
		if (t.len == 0)
			continue;
		one = target(r, a, t, domain, depth);
		if (one == ROUTE_LOOP || one == ROUTE_TEMPORARY || one == ROUTE_ERROR)
			return one;
		if (one == ROUTE_OK)
			worst = ROUTE_OK;
	}
	return worst;
}

/* virtual(5): user+tag@dom, user@dom, user+tag, user, @dom, @. */
static enum table_result
find_virtual(const struct route *r, struct slice table, struct slice address, struct buf *value)
{
	struct slice local = local_of(address), base = without_detail(r, local);
	ptrdiff_t at = slice_find_last(address, '@');
	struct slice domain = at < 0 ? SLICE("") : slice_from(address, (size_t)at);
	struct buf key = {0};
	enum table_result result = table_find(table, address, value);

	buf_add_slice(&key, base);
	buf_add_slice(&key, domain);
	if (result == TABLE_NOT_FOUND)
		result = table_find(table, buf_slice(&key), value);
	if (result == TABLE_NOT_FOUND)
		result = table_find(table, local, value);
	if (result == TABLE_NOT_FOUND)
		result = table_find(table, base, value);
	if (result == TABLE_NOT_FOUND)
		result = table_find(table, domain, value);
	if (result == TABLE_NOT_FOUND)
		result = table_find(table, SLICE("@"), value);
	buf_fini(&key);
	return result;
}

static enum al_route_result
to_mailbox(struct route *r, const struct conf_action *a, struct slice address)
{
	struct buf account = {0};
	bool ok;

	buf_add_slice(&account, without_detail(r, local_of(address)));
	buf_add_char(&account, '@');
	buf_add_slice(&account, domain_of(address));
	for (size_t i = 0; i < account.len; i++)
		account.data[i] = (char)(account.data[i] >= 'A' && account.data[i] <= 'Z' ? account.data[i] + 32 : account.data[i]);
	ok = accounts_find(buf_slice(&account), NULL);
	ok = ok && give(r, TRANSPORT_MAILBOX, a, address, buf_slice(&account), SLICE(""));
	buf_fini(&account);
	return ok ? ROUTE_OK : ROUTE_UNKNOWN;
}

static enum al_route_result
to_user(struct route *r, const struct conf_action *a, struct slice address)
{
	char user[65];
	struct passwd *pw;

	if (!slice_copy(without_detail(r, local_of(address)), user, sizeof(user)) || strchr(user, '/') != NULL)
		return ROUTE_UNKNOWN;
	pw = getpwnam(user);
	if (pw == NULL || pw->pw_uid == 0)
		return ROUTE_UNKNOWN;
	return give(r, TRANSPORT_AGENT, a, address, slice_of(user), SLICE("")) ? ROUTE_OK : ROUTE_LOOP;
}

static enum al_route_result
deliver_to(struct route *r, const struct conf_action *a, struct slice address, int depth)
{
	struct buf value = {0};
	enum table_result found = TABLE_NOT_FOUND;
	enum al_route_result result;

	if (depth > LIMIT_EXPANSION)
		return ROUTE_LOOP;
	if (a->virtual.len > 0)
		found = find_virtual(r, a->virtual, address, &value);
	else if (a->alias.len > 0)
		found = table_find(a->alias, without_detail(r, local_of(address)), &value);
	if (found == TABLE_TEMPORARY)
		result = ROUTE_TEMPORARY;
	else if (found == TABLE_FOUND)
		result = targets(r, a, buf_slice(&value), domain_of(address), depth);
	else if (a->method == METHOD_MAILBOX)
		result = to_mailbox(r, a, address);
	else if (a->method == METHOD_EXPAND_ONLY || a->method == METHOD_FORWARD_ONLY)
		result = ROUTE_UNKNOWN;
	else
		result = to_user(r, a, address);
	buf_fini(&value);
	return result;
}

static enum al_route_result
route_address(struct route *r, struct slice recipient, int depth)
{
	if (depth > LIMIT_EXPANSION)
		return ROUTE_LOOP;
	for (size_t i = 0; i < r->conf->match_count; i++) {
		const struct conf_match_node *m = &r->conf->matches[i];
		enum table_result t = match_holds(r, m, recipient);
		const struct conf_action *a;

		if (t == TABLE_TEMPORARY)
			return ROUTE_TEMPORARY;
		if (t == TABLE_NOT_FOUND)
			continue;
		if (m->match.reject)
			return ROUTE_REJECTED;
		a = conf_find_action(r->conf, m->match.action);
		if (a == NULL)
			return ROUTE_TEMPORARY;
		if (a->method == METHOD_RELAY)
			return give(r, TRANSPORT_RELAY, a, recipient, SLICE(""), SLICE("")) ? ROUTE_OK : ROUTE_LOOP;
		return deliver_to(r, a, recipient, depth);
	}
	return ROUTE_RELAY_DENIED;
}

/* RFC 5321 4.5.1: <postmaster> without a domain is ours. */
enum al_route_result
route_find(struct route *r)
{
	struct buf whole = {0};
	struct slice recipient = r->question->recipient;
	enum al_route_result result;

	if (slice_find_last(recipient, '@') < 0) {
		buf_printf(&whole, "%.*s@%.*s", SLICE_FMT(recipient), SLICE_FMT(r->conf->global.hostname));
		recipient = buf_slice(&whole);
	}
	result = route_address(r, recipient, 0);
	buf_fini(&whole);
	return result;
}
