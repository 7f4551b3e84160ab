/* action and match: what is done with mail, and with which. */
#include "smtpd/parent/parser.h"

#include <string.h>

static bool
action_method(struct parser *p, struct conf_action *a)
{
	static const struct {
		const char *word;
		enum conf_method method;
		int argument; /* 0 none, 1 may have, 2 must */
	} methods[] = {{"mailbox", METHOD_MAILBOX, 0}, {"relay", METHOD_RELAY, 0},
	    {"maildir", METHOD_MAILDIR, 1}, {"mbox", METHOD_MBOX, 0}, {"lmtp", METHOD_LMTP, 2},
	    {"mda", METHOD_MDA, 2}, {"expand-only", METHOD_EXPAND_ONLY, 0},
	    {"forward-only", METHOD_FORWARD_ONLY, 0}};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (!parse_take(p, methods[i].word))
			continue;
		a->method = (uint8_t)methods[i].method;
		if (methods[i].argument == 2 || (methods[i].argument == 1 && parse_more(p) &&
						    p->line.words[p->line.at].kind == LEXER_STRING))
			return parse_take_any(p, &a->argument, "its argument");
		return true;
	}
	return parse_fail(p,
	    "found \"%s\"; a method is mailbox, relay, maildir, mbox, lmtp, mda, expand-only or "
	    "forward-only",
	    parse_word(p));
}

static bool
action_option(struct parser *p, struct conf_action *a)
{
	if (parse_take(p, "alias"))
		return parse_take_table(p, &a->alias);
	if (parse_take(p, "virtual"))
		return parse_take_table(p, &a->virtual);
	if (parse_take(p, "userbase"))
		return parse_take_table(p, &a->userbase);
	if (parse_take(p, "user"))
		return parse_take_any(p, &a->user, "the user's name");
	if (parse_take(p, "wrapper"))
		return parse_take_any(p, &a->wrapper, "the wrapper's name");
	if (parse_take(p, "ttl"))
		return parse_take_span(p, &a->ttl);
	if (parse_take(p, "junk"))
		return a->junk = 1, true;
	if (parse_take(p, "rcpt-to"))
		return a->rcpt_to = 1, true;
	if (a->method != METHOD_RELAY)
		return parse_fail(p, "found \"%s\", which is no option of this action", parse_word(p));
	if (parse_take(p, "host")) {
		if (parse_more(p) && p->line.words[p->line.at].kind == LEXER_SIGN)
			return parse_take_table(p, &a->host_table);
		return parse_take_any(p, &a->host, "smtp://host");
	}
	if (parse_take(p, "domain"))
		return parse_take_table(p, &a->domain_table);
	if (parse_take(p, "auth"))
		return parse_take_table(p, &a->auth_table);
	if (parse_take(p, "ca"))
		return parse_take_any(p, &a->ca, "the ca's name");
	if (parse_take(p, "helo"))
		return parse_take_any(p, &a->helo, "a host's name");
	if (parse_take(p, "src"))
		return parse_take_any(p, &a->src, "an address");
	if (parse_take(p, "tls")) {
		a->tls = parse_take(p, "no-verify") ? RELAY_TLS_NO_VERIFY : RELAY_TLS_REQUIRED;
		return true;
	}
	return parse_fail(p, "found \"%s\", which is no option of relay", parse_word(p));
}

bool
parse_action(struct parser *p)
{
	struct conf_action a = {0};

	if (!parse_take_any(p, &a.name, "the action's name") || !action_method(p, &a))
		return false;
	if (conf_find_action(p->conf, a.name) != NULL)
		return parse_fail(p, "action \"%.*s\" is defined twice", SLICE_FMT(a.name));
	while (parse_more(p)) {
		if (!action_option(p, &a))
			return false;
	}
	conf_add_action(p->conf, &a);
	return true;
}

static bool
take_condition(struct parser *p, struct conf_condition *n, bool *has_from, bool *has_for)
{
	static const struct {
		const char *first, *second;
		enum conf_subject subject;
		int table; /* 0 none, 1 may, 2 must */
	} conditions[] = {
	    {"from", "any", FROM_ANY, 0},
	    {"from", "local", FROM_LOCAL, 0},
	    {"from", "socket", FROM_SOCKET, 0},
	    {"from", "auth", FROM_AUTH, 1},
	    {"from", "mail-from", FROM_MAIL_FROM, 2},
	    {"from", "rdns", FROM_RDNS, 1},
	    {"from", "src", FROM_SRC, 2},
	    {"for", "any", FOR_ANY, 0},
	    {"for", "local", FOR_LOCAL, 0},
	    {"for", "domain", FOR_DOMAIN, 2},
	    {"for", "rcpt-to", FOR_RCPT_TO, 2},
	    {"auth", NULL, WITH_AUTH, 1},
	    {"helo", NULL, WITH_HELO, 2},
	    {"mail-from", NULL, WITH_MAIL_FROM, 2},
	    {"rcpt-to", NULL, WITH_RCPT_TO, 2},
	    {"tag", NULL, WITH_TAG, 2},
	    {"tls", NULL, WITH_TLS, 0},
	};
	size_t start = p->line.at;

	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
		p->line.at = start;
		if (!parse_take(p, conditions[i].first) ||
		    (conditions[i].second != NULL && !parse_take(p, conditions[i].second)))
			continue;
		n->subject = (uint8_t)conditions[i].subject;
		*has_from |= strcmp(conditions[i].first, "from") == 0;
		*has_for |= strcmp(conditions[i].first, "for") == 0;
		n->regex = conditions[i].table > 0 && parse_take(p, "regex");
		if (conditions[i].table == 2 || (conditions[i].table == 1 && parse_more(p) &&
						    p->line.words[p->line.at].kind != LEXER_WORD))
			return parse_take_table(p, &n->table);
		return true;
	}
	p->line.at = start;
	return parse_fail(p, "found \"%s\", which is no condition of match", parse_word(p));
}

bool
parse_match(struct parser *p)
{
	struct conf_match m = {.line = p->line.words[0].line};
	struct conf_condition list[40] = {0};
	size_t count = 0;
	bool has_from = false, has_for = false, is_done = false;

	while (parse_more(p) && !is_done) {
		if (parse_take(p, "reject")) {
			m.reject = 1;
			is_done = true;
		} else if (parse_take(p, "action")) {
			if (!parse_take_any(p, &m.action, "the action's name"))
				return false;
			if (conf_find_action(p->conf, m.action) == NULL)
				return p->line.at--, parse_fail(p,
							 "action \"%.*s\" is not defined; write "
							 "above: action \"%.*s\" mailbox",
							 SLICE_FMT(m.action), SLICE_FMT(m.action));
			is_done = true;
		} else {
			if (count >= 38)
				return parse_fail(p, "more than 38 conditions");
			list[count].negated = parse_take_sign(p, '!');
			if (!take_condition(p, &list[count++], &has_from, &has_for))
				return false;
		}
	}
	if (!is_done || parse_more(p))
		return parse_fail(p, "a match ends in: action \"name\", or reject");
	if (!has_from)
		list[count++].subject = FROM_LOCAL;
	if (!has_for)
		list[count++].subject = FOR_LOCAL;
	conf_add_match(p->conf, &m);
	for (size_t i = 0; i < count; i++)
		conf_add_condition(p->conf, &list[i]);
	return true;
}
