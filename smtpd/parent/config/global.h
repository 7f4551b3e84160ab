/* The lines that stand for themselves: names, paths and limits of the whole suite. */
#ifndef SMTPD_PARENT_CONFIG_GLOBAL_H
#define SMTPD_PARENT_CONFIG_GLOBAL_H

#include "smtpd/parent/config/draft.h"

struct global {
	struct draft *draft;
	struct conf_global conf;
	struct buf warn_intervals; /* an ipc_list */
	unsigned warnings;
	char hostname[LIMIT_HOSTNAME + 1]; /* the system's */
};

/* Begins with the defaults. */
void global_init(struct global *g, struct draft *d);
void global_fini(struct global *g);

/* bounce warn-interval: the list takes the place of the one before. */
void global_warn_anew(struct global *g);
bool global_warn_add(struct global *g, struct place at, const char *text);

/* Puts them into the draft. */
bool global_end(struct global *g, struct place at);

#endif
