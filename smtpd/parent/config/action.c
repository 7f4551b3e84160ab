#include "smtpd/parent/config/action.h"

#include "common/mail/address.h"
#include "common/mail/expand.h"
#include "common/net/netaddr.h"
#include "smtpd/parent/folder.h"

#include <pwd.h>
#include <string.h>

bool
action_begin(struct action_line *l, struct draft *d, struct place at, const char *name,
    uint8_t method, const char *argument)
{
	*l = (struct action_line){.draft = d,
	    .had.draft = d,
	    .conf = {.name = slice_of(name), .method = method, .argument = slice_of(argument)}};
	for (size_t i = 0; i < d->conf->action_count; i++) {
		if (slice_equal(d->conf->actions[i].name, l->conf.name))
			return draft_fail(d, at,
			    "the action \"%s\" is defined twice: line %u has it", name,
			    places_of(&d->actions, i).line);
	}
	return true;
}

bool
action_user(struct action_line *l, struct place at, const char *name)
{
	if (l->conf.method == METHOD_EXPAND_ONLY || l->conf.method == METHOD_FORWARD_ONLY)
		return draft_fail(
		    l->draft, at, "nothing is delivered by this action; remove \"user\"");
	if (strncmp(name, FOLDER_USERS, strlen(FOLDER_USERS)) == 0)
		return draft_fail(l->draft, at,
		    "the processes of the suite run as users like %s, "
		    "and nothing else: name another user",
		    name);
	l->conf.user = slice_of(name);
	return true;
}

bool
action_wrapper(struct action_line *l, struct place at, const char *command)
{
	l->wrapper = command;
	return l->conf.method == METHOD_MDA ||
	       draft_fail(l->draft, at, "a wrapper is for commands; this action runs none");
}

static const struct {
	const char *text;
	bool is_secret, has_port;
} schemes[] = {{"smtp://", false, false}, {"smtp+tls://", true, false},
    {"smtp+notls://", false, false}, {"smtps://", true, false}, {"lmtp://", false, true}};

/* A name, whose last dot says that it is an absolute one, as all names here are (RFC 1034 3.1). */
static bool
is_name(struct slice s)
{
	bool has_dot = s.len > 0 && s.data[s.len - 1] == '.';

	return domain_is_valid(has_dot ? slice_sub(s, 0, s.len - 1) : s, false);
}

/* host[:port], where the host is a name, an address or [address]. */
static bool
is_host(struct slice s, bool needs_port)
{
	ptrdiff_t colon = slice_find_last(s, ':'), bracket = slice_find_last(s, ']');
	bool has_port = colon >= 0 && colon > bracket;
	struct slice host = has_port ? slice_sub(s, 0, (size_t)colon) : s;
	struct netaddr a;
	uint64_t port = 1;

	if (has_port && !slice_number(slice_from(s, (size_t)colon + 1), 65535, &port))
		return false;
	if (host.len > 2 && host.data[0] == '[' && host.data[host.len - 1] == ']')
		return port > 0 && netaddr_parse(slice_sub(host, 1, host.len - 2), &a);
	return port > 0 && (has_port || !needs_port) && (is_name(host) || netaddr_parse(host, &a));
}

/* scheme://[label@]host[:port]; what is left out comes from the scheme. */
bool
action_host(struct action_line *l, struct place at, const char *url)
{
	const char *end = strstr(url, "://");
	struct slice host = slice_of(end == NULL ? url : end + 3);
	ptrdiff_t sign = slice_find(host, '@');
	size_t i = 0, n = sizeof(schemes) / sizeof(schemes[0]);

	l->conf.host = slice_of(url);
	while (end != NULL && i < n && strncmp(url, schemes[i].text, (size_t)(end - url) + 3) != 0)
		i++;
	if (i == n)
		return draft_fail(l->draft, at,
		    "\"%.100s\": write smtp://, smtp+tls://, smtp+notls://, smtps:// or lmtp://",
		    url);
	if (sign >= 0 && !schemes[i].is_secret)
		return draft_fail(
		    l->draft, at, "a label@ needs TLS; write smtp+tls:// or smtps:// before it");
	host = slice_from(host, (size_t)(sign + 1));
	if (host.len == 0)
		return draft_fail(l->draft, at, "write a host behind %s", url);
	if (schemes[i].has_port && slice_find(host, ':') < 0)
		return draft_fail(l->draft, at, "write the port: %s:24", url);
	return is_host(host, schemes[i].has_port) ||
	       draft_fail(l->draft, at,
		   "\"%.*s\" is no host; write a name, an address or [an IPv6 address], "
		   "and :port from 1 to 65535 if need be",
		   (int)(host.len > 100 ? 100 : host.len), host.data);
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
relay_fits(struct action_line *l, struct place at)
{
	const struct conf_action *a = &l->conf;
	bool has_host = a->host.len > 0 || a->host_table.len > 0;

	if (a->backup && (has_host || a->domain_table.len > 0))
		return draft_fail(
		    l->draft, at, "a backup finds its hosts by MX; remove host or domain");
	if (has_host && a->domain_table.len > 0)
		return draft_fail(l->draft, at, "host and domain exclude each other");
	if (a->auth_table.len > 0 && !has_host && a->domain_table.len == 0)
		return draft_fail(
		    l->draft, at, "auth needs a host; write: host smtps://label@host");
	if (a->helo_table.len > 0 && a->src.len == 0 && a->src_table.len == 0)
		return draft_fail(
		    l->draft, at, "helo-src goes by the source address; write: src <table>");
	if (a->srs && a->mail_from.len > 0)
		return draft_fail(l->draft, at, "srs and mail-from exclude each other");
	if (a->mail_from.len > 0 && !is_sender(a->mail_from))
		return draft_fail(l->draft, at,
		    "mail-from is no address; write: mail-from \"name@domain\" or \"@domain\"");
	if (slice_find(a->host, '@') >= 0 && a->auth_table.len == 0)
		return draft_fail(
		    l->draft, at, "the label of the host needs a table; write: auth <table>");
	return true;
}

/* What would be wrong with each delivery is wrong here: a %{…} that nothing stands for. */
static bool
expands(struct action_line *l, struct place at)
{
	const struct expand_words any = {
	    SLICE("a@b"), SLICE("a@b"), SLICE("a@b"), SLICE("a"), SLICE("/"), SLICE("a@b"), '+'};
	char wrong[EXPAND_WRONG];
	struct buf out = {0};
	bool ok = expand(l->conf.argument, &any, &out, wrong);

	buf_fini(&out);
	return ok || draft_fail(l->draft, at, "%s", wrong);
}

/* The wrapper's command with the action's in the place of %{mda}. */
static struct slice
wrapped(struct action_line *l)
{
	struct slice rest = slice_of(l->wrapper), mda = SLICE("%{mda}"), kept;
	struct buf command = {0};
	ptrdiff_t at;

	for (; (at = slice_search(rest, mda)) >= 0; rest = slice_from(rest, (size_t)at + mda.len)) {
		buf_add_slice(&command, slice_sub(rest, 0, (size_t)at));
		buf_add_slice(&command, l->conf.argument);
	}
	buf_add_slice(&command, rest);
	kept = conf_keep(l->draft->conf, buf_slice(&command));
	buf_fini(&command);
	return kept;
}

bool
action_end(struct action_line *l, struct place at)
{
	struct conf_action *a = &l->conf;
	const struct passwd *pw;

	if (l->wrapper != NULL)
		a->argument = wrapped(l);
	if (a->alias.len > 0 && a->virtual.len > 0)
		return draft_fail(l->draft, at, "alias and virtual exclude each other");
	if (a->rcpt_to && a->method != METHOD_LMTP)
		return draft_fail(l->draft, at, "rcpt-to belongs to lmtp only");
	if (a->junk && a->method != METHOD_MAILDIR)
		return draft_fail(l->draft, at, "junk belongs to maildir only");
	if (!relay_fits(l, at) || !expands(l, at) ||
	    !draft_fits(l->draft, at, &conf_action_schema, a))
		return false;
	pw = a->user.len == 0 ? NULL : getpwnam(a->user.data);
	if (pw != NULL && pw->pw_uid == 0)
		return draft_fail(l->draft, at, "nothing is delivered as root: name another user");
	if (a->user.len > 0 && pw == NULL)
		draft_warn(l->draft, at,
		    "this system has no user \"%s\": mail for the action waits", a->user.data);
	places_add(&l->draft->actions, at);
	conf_add_action(l->draft->conf, a);
	return true;
}
