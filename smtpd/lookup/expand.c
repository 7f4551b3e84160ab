/*
 * Invariants:
 * 1. Every target is looked at once for each action and address, so the work is bounded by the
 *    number of targets and that by TARGETS.
 * 2. A name that stands above itself means the very user, without aliases: "bob: bob, archive"
 *    delivers to bob, and a circle of aliases ends.
 * 3. done() is called exactly once.
 */
#include "smtpd/lookup/expand.h"

#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/moment.h"
#include "common/mail/address.h"
#include "common/mail/srs.h"
#include "smtpd/lookup/accounts.h"
#include "smtpd/lookup/expand_node.h"
#include "smtpd/lookup/file.h"
#include "smtpd/lookup/host.h"
#include "smtpd/lookup/ruleset.h"

#include <string.h>

enum { TARGETS = 2 * LIMIT_EXPANDED };

struct recipient {
	enum al_transport transport;
	char *action, *address, *user, *target;
};

TAILQ_HEAD(nodes, expand_node);

struct expansion {
	struct expand_options o;
	struct al_route question; /* its texts are ours */
	struct buf texts;
	struct nodes todo, looked_at;
	size_t node_count;
	struct hash seen, delivered;
	struct recipient *recipients;
	size_t count;
	struct expand_node *waiting; /* for a .forward of the user */
	char *waiting_user;
	bool is_over;
	enum al_route_result result;
	bool has_failure;
	enum al_route_result failure; /* of the first branch that led nowhere */
	char *reply;
};

/* Copies a text behind the others; the slices are set when all are there. */
static void
copy_question(struct expansion *e, const struct al_route *q)
{
	const struct slice *from[] = {
	    &q->sender, &q->recipient, &q->client, &q->rdns, &q->helo, &q->user, &q->tag};
	struct slice *to[] = {&e->question.sender, &e->question.recipient, &e->question.client,
	    &e->question.rdns, &e->question.helo, &e->question.user, &e->question.tag};
	const size_t n = sizeof(from) / sizeof(from[0]);
	size_t at = 0;

	e->question = *q;
	for (size_t i = 0; i < n; i++)
		buf_add_slice(&e->texts, *from[i]);
	for (size_t i = 0; i < n; i++) {
		*to[i] = slice_sub(buf_slice(&e->texts), at, from[i]->len);
		at += from[i]->len;
	}
}

struct expansion *
expand_new(const struct al_route *q, const struct expand_options *o)
{
	struct expansion *e = mem_zero(sizeof(*e));

	e->o = *o;
	copy_question(e, q);
	TAILQ_INIT(&e->todo);
	TAILQ_INIT(&e->looked_at);
	hash_init(&e->seen);
	hash_init(&e->delivered);
	return e;
}

static void
free_nodes(struct nodes *list)
{
	struct expand_node *n;

	while ((n = TAILQ_FIRST(list)) != NULL) {
		TAILQ_REMOVE(list, n, link);
		free(n->text);
		free(n->local);
		free(n->domain);
		free(n->owner);
		free(n);
	}
}

void
expand_free(struct expansion *e)
{
	if (e == NULL)
		return;
	free_nodes(&e->todo);
	free_nodes(&e->looked_at);
	for (size_t i = 0; i < e->count; i++) {
		free(e->recipients[i].action);
		free(e->recipients[i].address);
		free(e->recipients[i].user);
		free(e->recipients[i].target);
	}
	free(e->recipients);
	free(e->waiting_user);
	free(e->reply);
	hash_fini(&e->seen);
	hash_fini(&e->delivered);
	buf_fini(&e->texts);
	free(e);
}

static void
end(struct expansion *e, enum al_route_result result)
{
	if (e->is_over)
		return;
	e->is_over = true;
	e->result = result;
}

void
expand_give_up(struct expansion *e)
{
	end(e, ROUTE_TEMPORARY);
}

void
expand_fail(struct expansion *e, const struct expand_node *n, enum al_route_result why)
{
	if (why == ROUTE_UNKNOWN && n->is_loop)
		why = ROUTE_LOOP;
	if (!e->has_failure)
		e->failure = why;
	e->has_failure = true;
	if (n->depth > 0)
		log_warning("an alias of %.*s leads to \"%s\", which cannot be delivered",
		    SLICE_FMT(e->question.recipient), n->text);
}

/* The meaning of an address: local part and domain folded; a bare name is of the domain given. */
static void
understand(struct expand_node *n, struct slice default_domain)
{
	struct slice text = slice_of(n->text);
	struct buf folded = {0};
	ptrdiff_t at;

	if (n->kind != TARGET_ADDRESS && n->kind != TARGET_USER)
		return;
	if (n->kind == TARGET_ADDRESS && account_fold(text, &folded)) {
		at = slice_find_last(buf_slice(&folded), '@');
		n->local = slice_text(slice_sub(buf_slice(&folded), 0, (size_t)at));
		n->domain = slice_text(slice_from(buf_slice(&folded), (size_t)at + 1));
	} else {
		n->local = slice_text(text);
		n->domain = slice_text(default_domain);
	}
	buf_fini(&folded);
}

static bool
stands_above(const struct expand_node *n)
{
	for (const struct expand_node *p = n->parent; p != NULL; p = p->parent)
		if (p->local != NULL && strcmp(p->local, n->local) == 0 &&
		    strcmp(p->domain, n->domain) == 0)
			return true;
	return false;
}

/* The last address on the way here, as it was written: the recipient's, or what an alias says. A
 * name of a user is none, so that "@example.org: vmail" leaves %{dest} what the sender wrote. */
static const char *
address_of(const struct expand_node *n)
{
	while (n->kind != TARGET_ADDRESS)
		n = n->parent;
	return n->text;
}

/* Whether it was looked at before, in the same way and for the same address. */
static bool
is_seen(struct expansion *e, const struct expand_node *n)
{
	struct buf key = {0};
	bool seen;

	buf_printf(&key, "%d%d %s %s ", (int)n->kind, (int)n->is_plain, n->action,
	    n->owner == NULL ? "" : n->owner);
	if (n->local != NULL)
		buf_printf(&key, "%s@%s", n->local, n->domain);
	else
		buf_add_text(&key, n->text);
	if (n->kind == TARGET_USER)
		buf_printf(&key, " %s", address_of(n));
	seen = hash_add(&e->seen, buf_slice(&key), e) != NULL;
	buf_fini(&key);
	return seen;
}

static void
free_node(struct expand_node *n)
{
	struct nodes one = TAILQ_HEAD_INITIALIZER(one);

	TAILQ_INSERT_TAIL(&one, n, link);
	free_nodes(&one);
}

/* Takes nothing. False: too many, and the expansion is over. */
static bool
add(struct expansion *e, struct expand_node *below, const struct target *t, const char *owner)
{
	struct expand_node *n = mem_zero(sizeof(*n));

	n->parent = below;
	n->depth = below->depth + 1;
	n->kind = t->kind;
	n->text = slice_text(buf_slice(&t->text));
	n->owner = owner == NULL ? NULL : slice_text(slice_of(owner));
	understand(n, slice_of(below->domain));
	n->is_loop = n->local != NULL && stands_above(n);
	n->is_plain = t->is_plain || n->is_loop;
	if (n->kind != TARGET_ADDRESS)
		memcpy(n->action, below->action, sizeof(n->action));
	if (is_seen(e, n)) {
		free_node(n);
		return true;
	}
	TAILQ_INSERT_TAIL(&e->todo, n, link);
	if (++e->node_count > TARGETS)
		end(e, ROUTE_LOOP);
	return !e->is_over;
}

void
expand_add_list(struct expansion *e, struct expand_node *below, struct slice list)
{
	struct target t;

	target_init(&t);
	while (target_next(&list, &t) && add(e, below, &t, NULL))
		;
	target_fini(&t);
}

size_t
expand_add_lines(struct expansion *e, struct expand_node *below, struct slice text,
    const char *owner, size_t most)
{
	struct slice line = SLICE("");
	struct target t;
	size_t count = 0;

	target_init(&t);
	while (count < most && target_next_line(&text, &line, &t)) {
		count++;
		if (!add(e, below, &t, owner))
			break;
	}
	target_fini(&t);
	return count;
}

/* Two addresses of one user may lead to two places. */
static bool
goes_by_address(const struct conf_action *a, enum al_transport transport)
{
	return transport == TRANSPORT_RELAY || a->rcpt_to ||
	       slice_search(a->argument, SLICE("%{dest")) >= 0;
}

void
expand_deliver(struct expansion *e, const struct expand_node *n, const struct conf_action *a,
    enum al_transport transport, struct slice user, struct slice target)
{
	struct recipient r = {.transport = transport};
	struct buf key = {0};
	bool is_new;

	r.address = slice_text(slice_of(address_of(n)));
	buf_printf(&key, "%d %.*s %.*s %.*s ", (int)transport, SLICE_FMT(a->name), SLICE_FMT(user),
	    SLICE_FMT(target));
	if (goes_by_address(a, transport))
		buf_add_text(&key, r.address);
	is_new = hash_add(&e->delivered, buf_slice(&key), e) == NULL;
	buf_fini(&key);
	if (!is_new || e->count >= LIMIT_EXPANDED) {
		free(r.address);
		if (is_new)
			end(e, ROUTE_LOOP);
		return;
	}
	r.action = slice_text(a->name);
	r.user = slice_text(user);
	r.target = slice_text(target);
	e->recipients = mem_resize(e->recipients, (e->count + 1) * sizeof(*e->recipients));
	e->recipients[e->count++] = r;
}

void
expand_wait_forward(struct expansion *e, struct expand_node *n, struct slice user)
{
	e->waiting = n;
	free(e->waiting_user);
	e->waiting_user = slice_text(user);
	if (!e->o.ask_forward(e->o.owner, user)) {
		e->waiting = NULL;
		expand_give_up(e);
	}
}

static bool
is_local_method(const struct conf_action *a)
{
	return a->method != METHOD_RELAY;
}

static void
ask_rules(struct expansion *e, struct expand_node *n, const struct conf *c)
{
	struct al_route q = e->question;
	const struct conf_action *a = NULL;

	if (n->depth > 0) {
		q.local = 1;
		q.client = q.rdns = SLICE("");
	}
	switch (ruleset_match(c, &q, slice_of(n->text), &a)) {
	case RULESET_ACTION:
		slice_copy(a->name, n->action, sizeof(n->action));
		if (is_local_method(a))
			expand_local(e, n, a, (char)c->global.sub_addr_delim);
		else
			expand_deliver(e, n, a, TRANSPORT_RELAY, SLICE(""), SLICE(""));
		break;
	case RULESET_REJECT:
		expand_fail(e, n, ROUTE_REJECTED);
		break;
	case RULESET_NONE:
		expand_fail(e, n, ROUTE_RELAY_DENIED);
		break;
	case RULESET_TEMPORARY:
		expand_give_up(e);
		break;
	}
}

/* Commands and files run as the owner of the .forward, as the action's user, or as nobody. */
static void
deliver_outside(struct expansion *e, struct expand_node *n, const struct conf_action *a)
{
	struct slice user = n->owner != NULL  ? slice_of(n->owner)
			    : a->user.len > 0 ? a->user
					      : SLICE("nobody");

	if (a->method == METHOD_FORWARD_ONLY || slice_equal_text(user, "root"))
		expand_fail(e, n, ROUTE_UNKNOWN);
	else
		expand_deliver(e, n, a, TRANSPORT_AGENT, user, slice_of(n->text));
}

static void
include(struct expansion *e, struct expand_node *n)
{
	struct error why = {""};
	struct buf text = {0};

	if (n->owner != NULL) {
		expand_fail(e, n, ROUTE_UNKNOWN);
	} else if (!file_read_trusted(n->text, LIMIT_INCLUDE, &text, &why)) {
		log_error("an alias of %.*s includes a list: %s", SLICE_FMT(e->question.recipient),
		    why.text);
		expand_give_up(e);
	} else {
		n->domain = slice_text(slice_of(n->parent->domain));
		expand_add_lines(e, n, buf_slice(&text), NULL, TARGETS);
	}
	buf_fini(&text);
}

static void
look_at(struct expansion *e, struct expand_node *n, const struct conf *c)
{
	const struct conf_action *a =
	    n->action[0] == '\0' ? NULL : conf_find_action(c, slice_of(n->action));

	if (n->depth > LIMIT_EXPANSION) {
		expand_fail(e, n, ROUTE_LOOP);
		return;
	}
	if (n->kind != TARGET_ADDRESS && n->kind != TARGET_ERROR && a == NULL) {
		expand_give_up(e); /* a reload took the action away meanwhile */
		return;
	}
	switch (n->kind) {
	case TARGET_ADDRESS:
		ask_rules(e, n, c);
		break;
	case TARGET_USER:
		expand_local(e, n, a, (char)c->global.sub_addr_delim);
		break;
	case TARGET_COMMAND:
	case TARGET_FILE:
		deliver_outside(e, n, a);
		break;
	case TARGET_INCLUDE:
		include(e, n);
		break;
	case TARGET_ERROR:
		e->reply = slice_text(slice_of(n->text));
		end(e, ROUTE_ERROR);
		break;
	case TARGET_WRONG:
		expand_fail(e, n, ROUTE_UNKNOWN);
		break;
	}
}

static void
run(struct expansion *e, const struct conf *c)
{
	struct expand_node *n;

	while (!e->is_over && e->waiting == NULL && (n = TAILQ_FIRST(&e->todo)) != NULL) {
		TAILQ_REMOVE(&e->todo, n, link);
		TAILQ_INSERT_TAIL(&e->looked_at, n, link);
		look_at(e, n, c);
	}
	if (e->waiting != NULL && !e->is_over)
		return;
	if (!e->is_over)
		end(e, e->count > 0 ? ROUTE_OK : e->has_failure ? e->failure : ROUTE_UNKNOWN);
	e->o.done(e->o.owner);
}

/* <postmaster> without a domain is this host's; where no rule takes that, the first account's (RFC
 * 5321 4.5.1). */
static void
name_postmaster(struct expansion *e, struct expand_node *n, const struct conf *c)
{
	struct al_route q = e->question;
	const struct conf_action *a;
	struct buf text = {0}, account = {0};
	ptrdiff_t at;

	buf_printf(&text, "%s@%.*s", n->text, SLICE_FMT(host_name()));
	if (ruleset_match(c, &q, buf_slice(&text), &a) == RULESET_NONE &&
	    accounts_first(SLICE(""), &account) == TABLE_FOUND) {
		at = slice_find_last(buf_slice(&account), '@');
		buf_clear(&text);
		buf_printf(&text, "%s%s", n->text, buf_text(&account) + at);
	}
	free(n->text);
	n->text = buf_take(&text, NULL);
	buf_fini(&account);
}

/* A report on mail that we sent on under an address of ours goes on to who had sent it (srs.h), as
 * mail that is made here. Any other sender finds nobody there. */
static void
lead_back(const struct expansion *e, struct expand_node *n, const struct conf *c)
{
	struct srs srs = {.key = c->global.srs_key,
	    .backup = c->global.srs_key_backup,
	    .days = c->global.srs_ttl / 86400,
	    .today = (unsigned)(civil_now() / 86400)};
	struct buf back = {0};

	if (srs.key.len > 0 && e->question.sender.len == 0 &&
	    srs_decode(&back, &srs, e->question.recipient) == SRS_OK) {
		free(n->text);
		n->text = buf_take(&back, NULL);
		n->depth = 1;
	}
	buf_fini(&back);
}

void
expand_start(struct expansion *e, const struct conf *c)
{
	struct expand_node *n = mem_zero(sizeof(*n));

	n->kind = TARGET_ADDRESS;
	n->text = slice_text(e->question.recipient);
	if (slice_equal_text_nocase(e->question.recipient, "postmaster"))
		name_postmaster(e, n, c);
	lead_back(e, n, c);
	understand(n, host_name());
	is_seen(e, n);
	e->node_count = 1;
	TAILQ_INSERT_TAIL(&e->todo, n, link);
	run(e, c);
}

void
expand_forward(
    struct expansion *e, const struct conf *c, enum lp_forward_result result, struct slice content)
{
	struct expand_node *n = e->waiting;
	const struct conf_action *a = conf_find_action(c, slice_of(n->action));

	e->waiting = NULL;
	if (a == NULL || result == FORWARD_TEMPORARY)
		expand_give_up(e);
	else
		expand_local_forward(e, n, a, slice_of(e->waiting_user), result, content);
	run(e, c);
}

enum al_route_result
expand_result(const struct expansion *e, struct slice *reply)
{
	*reply = slice_of(e->reply);
	return e->result;
}

size_t
expand_count(const struct expansion *e)
{
	return e->count;
}

struct al_recipient
expand_recipient(const struct expansion *e, size_t i)
{
	const struct recipient *r = &e->recipients[i];

	return (struct al_recipient){.transport = (uint8_t)r->transport,
	    .action = slice_of(r->action),
	    .address = slice_of(r->address),
	    .user = slice_of(r->user),
	    .target = slice_of(r->target)};
}
