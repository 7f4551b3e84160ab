#include "smtpd/lookup/ruleset.h"

#include "common/mail/address.h"
#include "smtpd/lookup/host.h"
#include "smtpd/lookup/table.h"

/* One question, with what conditions look at prepared. */
struct asked {
	const struct al_route *q;
	struct slice recipient;
	struct buf domain; /* of the recipient, folded */
};

static enum table_result
answer(bool yes)
{
	return yes ? TABLE_FOUND : TABLE_NONE;
}

/* Without a table, whether there is such a thing at all. */
static enum table_result
look(const struct conf_condition *c, enum table_service service, struct slice key)
{
	if (c->table.len == 0)
		return answer(key.len > 0);
	return table_find(c->table, c->regex ? TABLE_REGEX : service, key, NULL);
}

/* The same of what may be missing: what is not there matches nothing. */
static enum table_result
look_if_any(const struct conf_condition *c, enum table_service service, struct slice key)
{
	return key.len == 0 ? TABLE_NONE : look(c, service, key);
}

static bool
is_local(const struct al_route *q)
{
	struct netaddr client;

	return q->local || q->client.len == 0 ||
	       (netaddr_parse(q->client, &client) && host_is_own_address(&client));
}

static enum table_result
holds(const struct conf_condition *c, const struct asked *a)
{
	const struct al_route *q = a->q;

	switch ((enum conf_subject)c->subject) {
	case FROM_ANY:
	case FOR_ANY:
		return TABLE_FOUND;
	case FROM_LOCAL:
		return answer(is_local(q));
	case FROM_SOCKET:
		return answer(q->local != 0);
	case FROM_AUTH:
	case WITH_AUTH:
		return look_if_any(c, TABLE_STRING, q->user);
	case FROM_MAIL_FROM:
	case WITH_MAIL_FROM:
		return look(c, TABLE_MAILADDR, q->sender);
	case FROM_RDNS:
		return look_if_any(c, TABLE_DOMAIN, q->rdns);
	case FROM_SRC:
		return look_if_any(c, TABLE_NETADDR, q->client);
	case FOR_LOCAL:
		return answer(host_is_own_domain(buf_slice(&a->domain)));
	case FOR_DOMAIN:
		return look_if_any(c, TABLE_DOMAIN, buf_slice(&a->domain));
	case FOR_RCPT_TO:
	case WITH_RCPT_TO:
		return look(c, TABLE_MAILADDR, a->recipient);
	case WITH_HELO:
		return look_if_any(c, TABLE_DOMAIN, q->helo);
	case WITH_TAG:
		return look_if_any(c, TABLE_STRING, q->tag);
	case WITH_TLS:
		return answer(q->tls != 0);
	}
	return TABLE_TEMPORARY;
}

static enum table_result
judge(const struct conf_condition *c, const struct asked *a)
{
	enum table_result result = holds(c, a);

	if (!c->negated || result == TABLE_TEMPORARY)
		return result;
	return answer(result == TABLE_NONE);
}

static bool
is_from(const struct conf_condition *c)
{
	return c->subject <= FROM_SRC;
}

static bool
is_for(const struct conf_condition *c)
{
	return c->subject >= FOR_ANY && c->subject <= FOR_RCPT_TO;
}

static enum table_result
match_holds(const struct conf_match_node *m, const struct asked *a)
{
	static const struct conf_condition from_local = {.subject = FROM_LOCAL};
	static const struct conf_condition for_local = {.subject = FOR_LOCAL};
	bool says_from = false, says_for = false;
	enum table_result result;

	for (size_t i = 0; i < m->condition_count; i++) {
		says_from |= is_from(&m->conditions[i]);
		says_for |= is_for(&m->conditions[i]);
		result = judge(&m->conditions[i], a);
		if (result != TABLE_FOUND)
			return result;
	}
	if (!says_from && holds(&from_local, a) != TABLE_FOUND)
		return TABLE_NONE;
	return says_for ? TABLE_FOUND : holds(&for_local, a);
}

static void
fold_domain(struct slice recipient, struct buf *domain)
{
	ptrdiff_t at = slice_find_last(recipient, '@');
	struct address parts = {
	    .domain = at < 0 ? SLICE("") : slice_from(recipient, (size_t)at + 1)};

	address_domain_folded(domain, &parts);
}

enum ruleset_result
ruleset_match(const struct conf *c, const struct al_route *q, struct slice recipient,
    const struct conf_action **action)
{
	struct asked a = {.q = q, .recipient = recipient};
	enum ruleset_result result = RULESET_NONE;

	fold_domain(recipient, &a.domain);
	for (size_t i = 0; i < c->match_count && result == RULESET_NONE; i++) {
		const struct conf_match_node *m = &c->matches[i];
		enum table_result held = match_holds(m, &a);

		if (held == TABLE_TEMPORARY)
			result = RULESET_TEMPORARY;
		else if (held == TABLE_FOUND && m->match.reject)
			result = RULESET_REJECT;
		else if (held == TABLE_FOUND) {
			*action = conf_find_action(c, m->match.action);
			result = *action == NULL ? RULESET_TEMPORARY : RULESET_ACTION;
		}
	}
	buf_fini(&a.domain);
	return result;
}

static bool
is_of_recipient(const struct conf_condition *c)
{
	return is_for(c) || c->subject == WITH_RCPT_TO;
}

/* A table that cannot be asked now might say yes. */
static bool
may_lead(const struct conf_match_node *m, const struct asked *a)
{
	static const struct conf_condition for_local = {.subject = FOR_LOCAL};
	bool says_for = false;

	for (size_t i = 0; i < m->condition_count; i++) {
		const struct conf_condition *c = &m->conditions[i];

		says_for |= is_for(c);
		if (is_of_recipient(c) && judge(c, a) == TABLE_NONE)
			return false;
	}
	return says_for || holds(&for_local, a) != TABLE_NONE;
}

bool
ruleset_leads(
    const struct conf *c, struct slice recipient, bool (*fits)(const struct conf_action *a))
{
	const struct al_route nothing = {.local = 0};
	struct asked a = {.q = &nothing, .recipient = recipient};
	bool found = false;

	fold_domain(recipient, &a.domain);
	for (size_t i = 0; i < c->match_count && !found; i++) {
		const struct conf_match *m = &c->matches[i].match;
		const struct conf_action *action =
		    m->reject ? NULL : conf_find_action(c, m->action);

		found = action != NULL && fits(action) && may_lead(&c->matches[i], &a);
	}
	buf_fini(&a.domain);
	return found;
}
