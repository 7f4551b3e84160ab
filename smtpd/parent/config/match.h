/* A match line: which mail an action is for, or which is refused. */
#ifndef SMTPD_PARENT_CONFIG_MATCH_H
#define SMTPD_PARENT_CONFIG_MATCH_H

#include "smtpd/parent/config/draft.h"

enum { CONDITIONS = 40 };

struct match_line {
	struct draft *draft;
	struct place at;
	struct conf_condition conditions[CONDITIONS + 2]; /* the two that may be understood */
	size_t count;
	bool is_negated, is_regex; /* the condition that is being read */
	bool has_from, has_for;
};

/* Begins another line, and forgets the one before. */
void match_begin(struct match_line *m, struct draft *d, struct place at);

/* Begins a condition; then what it is. A table of NULL asks only whether there is one. */
void match_condition(struct match_line *m, bool is_negated);
bool match_add(struct match_line *m, struct place at, uint8_t subject, const char *table);

/* action NULL: reject. Who says no "from" or "for" means those of this machine. */
bool match_end(struct match_line *m, struct place at, const char *action);

/* The first match that lets anybody send anywhere; false: there is none. */
bool match_is_open(const struct draft *d, struct place *at);

#endif
