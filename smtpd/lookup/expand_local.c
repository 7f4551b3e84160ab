/*
 * Delivery here. The order: virtual addresses or aliases, then the account or system user, then
 * that user's ~/.forward. postmaster always finds somebody (RFC 5321 4.5.1).
 */
#include "smtpd/lookup/expand_node.h"

#include "common/conf/child.h"
#include "common/mail/address.h"
#include "smtpd/lookup/accounts.h"
#include "smtpd/lookup/host.h"

#include <string.h>

/* The name without its detail; the same when there is none. */
static struct slice
base_of(struct slice local, char delimiter)
{
	struct slice base, detail;

	address_split_detail(local, delimiter, &base, &detail);
	return base;
}

/* Looks up user+detail, then user. */
static enum table_result
find_alias(struct slice table, struct slice local, char delimiter, struct buf *value)
{
	struct slice base = base_of(local, delimiter);
	enum table_result result = table_find(table, TABLE_ALIAS, local, value);

	if (result == TABLE_NONE && base.len < local.len)
		result = table_find(table, TABLE_ALIAS, base, value);
	return result;
}

/* user+detail@domain, user@domain, user+detail, user, @domain, @ */
static enum table_result
find_virtual(struct slice table, const struct expand_node *n, char delimiter, struct buf *value)
{
	struct slice local = slice_of(n->local), base = base_of(local, delimiter);
	const struct slice users[] = {local, base, local, base, SLICE(""), SLICE("")};
	const char *domains[] = {n->domain, n->domain, NULL, NULL, n->domain, ""};
	struct buf key = {0};
	enum table_result result = TABLE_NONE;

	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]) && result == TABLE_NONE; i++) {
		buf_clear(&key);
		buf_add_slice(&key, users[i]);
		if (domains[i] != NULL)
			buf_printf(&key, "@%s", domains[i]);
		result = table_find(table, TABLE_ALIAS, buf_slice(&key), value);
	}
	buf_fini(&key);
	return result;
}

/* What stands for the node in its action's table. A user's name that a virtual table gave has no
 * domain of its own. */
static enum table_result
find_targets(
    const struct expand_node *n, const struct conf_action *a, char delimiter, struct buf *value)
{
	if (n->is_plain)
		return TABLE_NONE;
	if (a->alias.len > 0)
		return find_alias(a->alias, slice_of(n->local), delimiter, value);
	if (a->virtual.len == 0)
		return TABLE_NONE;
	if (n->kind == TARGET_ADDRESS)
		return find_virtual(a->virtual, n, delimiter, value);
	return find_alias(a->virtual, slice_of(n->local), delimiter, value);
}

/* local@domain, then without the detail. The host's other names mean its own. */
static enum table_result
find_account(const struct expand_node *n, char delimiter, struct buf *name)
{
	struct slice local = slice_of(n->local), base = base_of(local, delimiter);
	struct slice domain =
	    host_is_own_domain(slice_of(n->domain)) ? host_name() : slice_of(n->domain);
	enum table_result result;

	buf_printf(name, "%.*s@%.*s", SLICE_FMT(local), SLICE_FMT(domain));
	result = accounts_find(buf_slice(name), NULL);
	if (result == TABLE_NONE && base.len < local.len) {
		buf_clear(name);
		buf_printf(name, "%.*s@%.*s", SLICE_FMT(base), SLICE_FMT(domain));
		result = accounts_find(buf_slice(name), NULL);
	}
	return result;
}

static enum table_result
find_in_userbase(const struct conf_action *a, struct slice user, struct buf *info)
{
	static const struct table everybody = {.name = NULL};

	if (user.len == 0 || user.len > LIMIT_SYSTEM_USER)
		return TABLE_NONE;
	if (child_runs_as(user)) /* nothing is delivered as one of them */
		return TABLE_NONE;
	if (a->userbase.len > 0)
		return table_find(a->userbase, TABLE_USERINFO, user, info);
	return table_system.find(&everybody, TABLE_USERINFO, user, info);
}

/* Runs as a user whom the system need not know. */
static bool
is_of_userbase(const struct conf_action *a)
{
	return a->userbase.len > 0 && a->user.len == 0 && a->method != METHOD_MAILBOX &&
	       !table_is(a->userbase, &table_system);
}

/* The user that the local part names, with or without its detail. One of a userbase, which the
 * system does not know, is given with what it says of him. */
static enum table_result
find_user(
    const struct expand_node *n, const struct conf_action *a, char delimiter, struct buf *name)
{
	struct slice local = slice_of(n->local), base = base_of(local, delimiter);
	struct buf info = {0};
	enum table_result result = find_in_userbase(a, local, &info);

	if (result == TABLE_NONE && base.len < local.len)
		result = find_in_userbase(a, base, &info);
	else
		base = local;
	/* nothing is ever delivered as root: its mail needs an alias */
	if (result == TABLE_FOUND && slice_has_prefix(buf_slice(&info), SLICE("0:")))
		result = TABLE_NONE;
	buf_add_slice(name, base);
	if (result == TABLE_FOUND && is_of_userbase(a))
		buf_printf(name, ":%s", buf_text(&info));
	buf_fini(&info);
	return name->len > LIMIT_USER ? TABLE_NONE : result;
}

bool
expand_uses_accounts(const struct conf_action *a)
{
	return a->method == METHOD_MAILBOX && a->userbase.len == 0 && a->user.len == 0;
}

/* Who reads postmaster's mail when nobody was named: root's alias, the account root of the domain,
 * its oldest account, the oldest of all. */
static enum table_result
find_stand_in(
    struct expansion *e, struct expand_node *n, const struct conf_action *a, struct buf *name)
{
	struct buf list = {0};
	enum table_result result = TABLE_NONE;

	if (a->alias.len > 0 &&
	    table_find(a->alias, TABLE_ALIAS, SLICE("root"), &list) == TABLE_FOUND) {
		expand_add_list(e, n, buf_slice(&list));
		buf_fini(&list);
		return TABLE_NONE;
	}
	buf_fini(&list);
	if (!expand_uses_accounts(a))
		return TABLE_NONE;
	buf_clear(name);
	buf_printf(name, "root@%s", n->domain);
	result = accounts_find(buf_slice(name), NULL);
	if (result == TABLE_NONE) {
		buf_clear(name);
		result = accounts_first(slice_of(n->domain), name);
	}
	return result == TABLE_NONE ? accounts_first(SLICE(""), name) : result;
}

static bool
is_postmaster(const struct expand_node *n)
{
	return n->depth == 0 && strcmp(n->local, "postmaster") == 0;
}

static void
deliver(struct expansion *e, const struct expand_node *n, const struct conf_action *a,
    struct slice user)
{
	if (a->method == METHOD_EXPAND_ONLY || a->method == METHOD_FORWARD_ONLY)
		expand_fail(e, n, ROUTE_UNKNOWN);
	else
		expand_deliver(e, n, a,
		    a->method == METHOD_MAILBOX ? TRANSPORT_MAILBOX : TRANSPORT_AGENT, user,
		    SLICE(""));
}

/* A virtual address has no system user of its name behind it; an account may have the address. */
static bool
has_only_targets(const struct expand_node *n, const struct conf_action *a)
{
	return a->virtual.len > 0 && n->kind == TARGET_ADDRESS && !n->is_plain &&
	       !expand_uses_accounts(a);
}

/* The end of the road: somebody who has a mailbox, or nobody. */
static void
to_user(struct expansion *e, struct expand_node *n, const struct conf_action *a, char delimiter)
{
	struct buf name = {0};
	enum table_result result;

	if (has_only_targets(n, a))
		result = TABLE_NONE;
	else if (expand_uses_accounts(a))
		result = find_account(n, delimiter, &name);
	else
		result = find_user(n, a, delimiter, &name);
	if (result == TABLE_NONE && is_postmaster(n))
		result = find_stand_in(e, n, a, &name);
	if (result == TABLE_TEMPORARY)
		expand_give_up(e);
	else if (result == TABLE_NONE)
		expand_fail(e, n, ROUTE_UNKNOWN);
	else if (expand_uses_accounts(a) || n->is_plain || a->user.len > 0)
		deliver(e, n, a, buf_slice(&name));
	else
		expand_wait_forward(e, n, buf_slice(&name));
	buf_fini(&name);
}

void
expand_local(
    struct expansion *e, struct expand_node *n, const struct conf_action *a, char delimiter)
{
	struct buf value = {0};

	switch (find_targets(n, a, delimiter, &value)) {
	case TABLE_TEMPORARY:
		expand_give_up(e);
		break;
	case TABLE_FOUND:
		if (value.len > 0) {
			expand_add_list(e, n, buf_slice(&value));
			break;
		}
		to_user(e, n, a, delimiter);
		break;
	case TABLE_NONE:
		to_user(e, n, a, delimiter);
		break;
	}
	buf_fini(&value);
}

void
expand_local_forward(struct expansion *e, struct expand_node *n, const struct conf_action *a,
    struct slice user, enum lp_forward_result result, struct slice content)
{
	char owner[LIMIT_USER + 1];

	slice_copy(user, owner, sizeof(owner));
	if (result == FORWARD_FOUND &&
	    expand_add_lines(e, n, content, owner, LIMIT_FORWARD_TARGETS) > 0)
		return;
	deliver(e, n, a, user);
}
