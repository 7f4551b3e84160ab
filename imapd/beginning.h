/*
 * How a command begins (RFC 3501 9): its tag, UID for some, and its name. This is read once, off
 * the first line, before anything of the command is taken: what it is decides on its literals.
 */
#ifndef IMAPD_BEGINNING_H
#define IMAPD_BEGINNING_H

#include "common/base/slice.h"

struct imap_beginning {
	struct slice tag;  /* in the line; data is NULL when there is none that is legal */
	struct slice name; /* data is NULL when it is missing */
	bool is_uid;       /* UID stands before the name */
	size_t octets;     /* of the line, up to the arguments and the space before them */
};

/* Returns NULL, or what is wrong; what was read before that is in *b. */
const char *imap_beginning_parse(struct slice line, struct imap_beginning *b);

#endif
