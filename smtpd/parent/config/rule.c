/* action and match: what is done with mail, and with which. */
#include "smtpd/parent/config/parser.h"

#include "common/mail/address.h"
#include "common/mail/expand.h"

#include <pwd.h>
#include <string.h>

bool
action_begin(struct parser *p, struct place at, const char *name, uint8_t method)
{
	p->action = (struct conf_action){.name = slice_of(name), .method = method};
	p->wrapper = NULL;
	if (conf_find_action(p->conf, p->action.name) != NULL)
		return config_fail(p, at, "the action \"%s\" is defined twice", name);
	return true;
}

bool
action_user(struct parser *p, struct place at, const char *name)
{
	if (p->action.method == METHOD_EXPAND_ONLY || p->action.method == METHOD_FORWARD_ONLY)
		return config_fail(p, at, "nothing is delivered by this action; remove \"user\"");
	p->action.user = slice_of(name);
	return true;
}

bool
action_wrapper(struct parser *p, struct place at, const char *name)
{
	if (p->action.method != METHOD_MDA)
		return config_fail(p, at, "a wrapper is for commands; this action runs none");
	for (size_t i = 0; i < p->wrapper_count; i++) {
		if (strcmp(p->wrappers[i].name, name) == 0)
			p->wrapper = p->wrappers[i].command;
	}
	if (p->wrapper != NULL)
		return true;
	return config_fail(p, at,
	    "the wrapper \"%s\" is not defined; write above: mda wrapper %s \"… %%{mda}\"", name,
	    name);
}

/* scheme://[label@]host[:port]; what is left out comes from the scheme. */
bool
action_host(struct parser *p, struct place at, const char *url)
{
	static const struct {
		const char *scheme;
		bool is_secret, has_port;
	} schemes[] = {{"smtp://", false, false}, {"smtp+tls://", true, false},
	    {"smtp+notls://", false, false}, {"smtps://", true, false}, {"lmtp://", false, true}};

	p->action.host = slice_of(url);
	if (strstr(url, "://") == NULL)
		return true;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t n = strlen(schemes[i].scheme);

		if (strncmp(url, schemes[i].scheme, n) != 0)
			continue;
		if (strchr(url + n, '@') != NULL && !schemes[i].is_secret)
			return config_fail(
			    p, at, "a label@ needs TLS; write smtp+tls:// or smtps:// before it");
		if (schemes[i].has_port && strrchr(url + n, ':') == NULL)
			return config_fail(p, at, "write the port: %s:24", url);
		return url[n] != '\0' || config_fail(p, at, "write a host behind %s", url);
	}
	return config_fail(p, at,
	    "\"%.100s\": write smtp://, smtp+tls://, smtp+notls://, smtps:// or lmtp://", url);
}

/* An address, or "@domain" for whatever stands before. */
static bool
is_sender(struct slice s)
{
	struct address a;

	if (s.len > 0 && s.data[0] == '@')
		return domain_is_valid(slice_from(s, 1), false) ||
		       domain_is_literal(slice_from(s, 1));
	return address_parse(s, 0, &a) == ADDRESS_OK;
}

static bool
relay_fits(struct parser *p, struct place at)
{
	const struct conf_action *a = &p->action;
	bool has_host = a->host.len > 0 || a->host_table.len > 0;

	if (a->backup && (has_host || a->domain_table.len > 0))
		return config_fail(p, at, "a backup finds its hosts by MX; remove host or domain");
	if (has_host && a->domain_table.len > 0)
		return config_fail(p, at, "host and domain exclude each other");
	if (a->auth_table.len > 0 && !has_host && a->domain_table.len == 0)
		return config_fail(p, at, "auth needs a host; write: host smtps://label@host");
	if (a->helo_table.len > 0 && a->src.len == 0 && a->src_table.len == 0)
		return config_fail(
		    p, at, "helo-src goes by the source address; write: src <table>");
	if (a->srs && a->mail_from.len > 0)
		return config_fail(p, at, "srs and mail-from exclude each other");
	if (a->mail_from.len > 0 && !is_sender(a->mail_from))
		return config_fail(p, at,
		    "mail-from is no address; write: mail-from \"name@domain\" or \"@domain\"");
	if (slice_find(a->host, '@') >= 0 && a->auth_table.len == 0)
		return config_fail(
		    p, at, "the label of the host needs a table; write: auth <table>");
	return true;
}

/* What would be wrong with each delivery is wrong here: a %{…} that nothing stands for. */
static bool
expands(struct parser *p, struct place at)
{
	const struct expand_words any = {
	    SLICE("a@b"), SLICE("a@b"), SLICE("a@b"), SLICE("a"), SLICE("/"), SLICE("a@b"), '+'};
	char wrong[EXPAND_WRONG];
	struct buf out = {0};
	bool ok = expand(p->action.argument, &any, &out, wrong);

	buf_fini(&out);
	return ok || config_fail(p, at, "%s", wrong);
}

/* The wrapper's command with the action's in the place of %{mda}. */
static struct slice
wrapped(struct parser *p)
{
	struct slice rest = slice_of(p->wrapper), mda = SLICE("%{mda}"), kept;
	struct buf command = {0};
	ptrdiff_t at;

	for (; (at = slice_search(rest, mda)) >= 0; rest = slice_from(rest, (size_t)at + mda.len)) {
		buf_add_slice(&command, slice_sub(rest, 0, (size_t)at));
		buf_add_slice(&command, p->action.argument);
	}
	buf_add_slice(&command, rest);
	kept = conf_keep(p->conf, buf_slice(&command));
	buf_fini(&command);
	return kept;
}

bool
action_end(struct parser *p, struct place at)
{
	struct conf_action *a = &p->action;
	const struct passwd *pw;

	if (p->wrapper != NULL)
		a->argument = wrapped(p);
	if (a->alias.len > 0 && a->virtual.len > 0)
		return config_fail(p, at, "alias and virtual exclude each other");
	if (a->rcpt_to && a->method != METHOD_LMTP)
		return config_fail(p, at, "rcpt-to belongs to lmtp only");
	if (a->junk && a->method != METHOD_MAILDIR)
		return config_fail(p, at, "junk belongs to maildir only");
	if (!relay_fits(p, at) || !expands(p, at) || !section_fits(p, at, &conf_action_schema, a))
		return false;
	pw = a->user.len == 0 || a->userbase.len > 0 ? NULL : getpwnam(a->user.data);
	if (pw != NULL && pw->pw_uid == 0)
		return config_fail(p, at, "nothing is delivered as root: name another user");
	if (a->user.len > 0 && a->userbase.len == 0 && pw == NULL)
		config_warn(p, at, "this system has no user of the name that the action runs as");
	conf_add_action(p->conf, a);
	return true;
}

void
match_begin(struct parser *p, struct place at)
{
	p->begin = at;
	p->condition_count = 0;
	p->has_from = p->has_for = false;
}

static void
push(struct parser *p, uint8_t subject, bool is_negated, bool is_regex, const char *table)
{
	p->conditions[p->condition_count++] = (struct conf_condition){
	    .subject = subject, .negated = is_negated, .regex = is_regex, .table = slice_of(table)};
}

bool
match_add(struct parser *p, struct place at, uint8_t subject, const char *table)
{
	bool is_from = subject <= FROM_SRC, is_for = subject >= FOR_ANY && subject <= FOR_RCPT_TO;

	if ((is_from && p->has_from) || (is_for && p->has_for))
		return config_fail(
		    p, at, "a match has one \"%s\"; write another match", is_from ? "from" : "for");
	p->has_from |= is_from;
	p->has_for |= is_for;
	if (p->condition_count == CONDITIONS)
		return config_fail(p, at, "a match has %d conditions at most", CONDITIONS);
	push(p, subject, p->is_negated, p->is_regex, table);
	return true;
}

/* Whether it relays from anybody to anybody, and nobody was refused above. */
static bool
is_open(const struct parser *p, const struct conf_action *a)
{
	if (a == NULL || a->method != METHOD_RELAY)
		return false;
	for (size_t i = 0; i < p->conf->match_count; i++) {
		if (p->conf->matches[i].match.reject)
			return false;
	}
	for (size_t i = 0; i < p->condition_count; i++) {
		const struct conf_condition *c = &p->conditions[i];

		if (c->negated || (c->subject != FROM_ANY && c->subject != FOR_ANY))
			return false;
	}
	return true;
}

/* action NULL: reject. Who says no "from" or "for" means those of this machine. */
bool
match_end(struct parser *p, struct place at, const char *action)
{
	const struct conf_action *a = conf_find_action(p->conf, slice_of(action));
	struct conf_match m = {
	    .line = p->begin.line, .reject = action == NULL, .action = slice_of(action)};

	if (action != NULL && a == NULL)
		return config_fail(p, at,
		    "the action \"%s\" is not defined; write above: action \"%s\" mailbox", action,
		    action);
	if (!p->has_from)
		push(p, FROM_LOCAL, false, false, NULL);
	if (!p->has_for)
		push(p, FOR_LOCAL, false, false, NULL);
	if (p->open_relay.line == 0 && is_open(p, a))
		p->open_relay = p->begin;
	conf_add_match(p->conf, &m);
	for (size_t i = 0; i < p->condition_count; i++)
		conf_add_condition(p->conf, &p->conditions[i]);
	return true;
}
