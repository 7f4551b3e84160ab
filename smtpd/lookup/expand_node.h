/*
 * Inside the expansion: the targets still to be looked at, and what the steps (expand_local.c) may
 * do to it.
 */
#ifndef SMTPD_LOOKUP_EXPAND_NODE_H
#define SMTPD_LOOKUP_EXPAND_NODE_H

#include "smtpd/lookup/expand.h"
#include "smtpd/lookup/target.h"

#include <sys/queue.h>

struct expand_node {
	TAILQ_ENTRY(expand_node) link;
	const struct expand_node *parent; /* NULL: the recipient itself */
	unsigned depth;
	enum target_kind kind;
	char *text;
	char *local, *domain;          /* of an address or a user: what it means, folded */
	char *owner;                   /* in whose .forward it stands; NULL: in none */
	char action[LIMIT_ACTION + 1]; /* "": the rules are still to be asked */
	bool is_plain;                 /* no alias, no .forward: that very user */
	bool is_loop;                  /* so because it stands above itself */
};

/* All targets of an alias's value. */
void expand_add_list(struct expansion *e, struct expand_node *below, struct slice list);

/* All targets of a .forward (owner) or of an included file (NULL); gives how many there were. */
size_t expand_add_lines(struct expansion *e, struct expand_node *below, struct slice text,
    const char *owner, size_t most);

/* A recipient is found. user is an account or a system user; target a command or file. */
void expand_deliver(struct expansion *e, const struct expand_node *n, const struct conf_action *a,
    enum al_transport transport, struct slice user, struct slice target);

/* This branch leads nowhere; the first to do so gives the answer, unless another
 * leads somewhere. */
void expand_fail(struct expansion *e, const struct expand_node *n, enum al_route_result why);

/* All is over: the tables or the disk do not answer. */
void expand_give_up(struct expansion *e);

/* Waits for the ~/.forward of the user; expand_local_forward() goes on with it. */
void expand_wait_forward(struct expansion *e, struct expand_node *n, struct slice user);

/* expand_local.c: the node has an action that delivers here. */
void expand_local(
    struct expansion *e, struct expand_node *n, const struct conf_action *a, char delimiter);
void expand_local_forward(struct expansion *e, struct expand_node *n, const struct conf_action *a,
    struct slice user, enum lp_forward_result result, struct slice content);

#endif
