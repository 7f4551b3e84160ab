/* The options that a line has had: each may stand once. */
#ifndef SMTPD_PARENT_CONFIG_OPTION_H
#define SMTPD_PARENT_CONFIG_OPTION_H

#include "smtpd/parent/config/draft.h"

enum { OPTIONS = 48 }; /* more than any line has */

struct options {
	struct draft *draft;
	const char *names[OPTIONS];
	size_t count;
};

/* Refuses the second of the same option. */
bool option_once(struct options *had, struct place at, const char *option);

/* The same, and sets what the option is for; the text lives on. */
bool option_text(
    struct options *had, struct place at, const char *option, struct slice *to, const char *text);
bool option_flag(
    struct options *had, struct place at, const char *option, uint8_t *to, uint8_t value);

#endif
