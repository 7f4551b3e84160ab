/*
 * One recipient becomes those it is delivered to: the rules find its action; aliases, virtual
 * addresses and ~/.forward lead on from there, each target through the rules again as mail that is
 * made here. Iterative; at most LIMIT_EXPANSION deep and LIMIT_EXPANDED wide.
 */
#ifndef SMTPD_LOOKUP_EXPAND_H
#define SMTPD_LOOKUP_EXPAND_H

#include "common/conf/conf.h"
#include "common/ipc/any_lookup.h"
#include "common/ipc/lookup_parent.h"

struct expansion;

struct expand_options {
	/* Begins to read the user's ~/.forward; expand_forward() is to follow, but not from inside
	 * this call. False: it cannot be read now. */
	bool (*ask_forward)(void *owner, struct slice user);
	void (*done)(void *owner); /* once, perhaps from inside expand_start() */
	void *owner;
};

/* Whether the action delivers into the suite's own accounts. */
bool expand_uses_accounts(const struct conf_action *a);

/* Copies the question. */
struct expansion *expand_new(const struct al_route *q, const struct expand_options *o);
void expand_free(struct expansion *e);

void expand_start(struct expansion *e, const struct conf *c);
void expand_forward(
    struct expansion *e, const struct conf *c, enum lp_forward_result result, struct slice content);

/* When done: what became of it, and with ROUTE_ERROR the reply. */
enum al_route_result expand_result(const struct expansion *e, struct slice *reply);

/* The recipients of ROUTE_OK, i below the count; which mailbox process is left open. */
size_t expand_count(const struct expansion *e);
struct al_recipient expand_recipient(const struct expansion *e, size_t i);

#endif
