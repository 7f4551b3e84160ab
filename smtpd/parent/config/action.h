/* An action line: what is done with mail. */
#ifndef SMTPD_PARENT_CONFIG_ACTION_H
#define SMTPD_PARENT_CONFIG_ACTION_H

#include "smtpd/parent/config/option.h"

struct action_line {
	struct draft *draft;
	struct options had;
	struct conf_action conf; /* what it comes to */
	const char *wrapper;     /* its command; NULL: none */
};

/* Begins another line, and forgets the one before. argument is NULL for a method without one. */
bool action_begin(struct action_line *l, struct draft *d, struct place at, const char *name,
    uint8_t method, const char *argument);

bool action_user(struct action_line *l, struct place at, const char *name);
bool action_wrapper(struct action_line *l, struct place at, const char *command);
bool action_host(struct action_line *l, struct place at, const char *url);
bool action_end(struct action_line *l, struct place at);

#endif
