/*
 * What an alias, a line of .forward or of an included list names (aliases(5), forward(5)).
 */
#ifndef SMTPD_LOOKUP_TARGET_H
#define SMTPD_LOOKUP_TARGET_H

#include "common/base/buf.h"

enum target_kind {
	TARGET_USER,    /* a name here, in lower case */
	TARGET_ADDRESS, /* local@domain */
	TARGET_COMMAND, /* |command, with the bar */
	TARGET_FILE,    /* /file */
	TARGET_INCLUDE, /* the path behind :include: */
	TARGET_ERROR,   /* the whole reply: code, enhanced code, text */
	TARGET_WRONG,   /* none of these */
};

struct target {
	enum target_kind kind;
	bool is_plain;   /* \user: that very user, no alias of the same name */
	struct buf text; /* for the kinds above; of a wrong one as it stands */
};

void target_init(struct target *t);
void target_fini(struct target *t);

/*
 * Takes the next of a list by commas off *rest, quotes and all. False at the end. An error:
 * takes all the rest. A text over LIMIT_TARGET is wrong.
 */
bool target_next(struct slice *rest, struct target *t);

/* Takes the next of a file: lists on lines, # begins a comment line. */
bool target_next_line(struct slice *rest, struct slice *line, struct target *t);

#endif
