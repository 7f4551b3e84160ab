/*
 * %{…} in a path, a destination or a command. What comes from the envelope is a stranger's: all of
 * it but letters, digits and "@._-+=," becomes ":", so it can be no path, option or shell word.
 */
#ifndef COMMON_MAIL_EXPAND_H
#define COMMON_MAIL_EXPAND_H

#include "common/base/buf.h"

struct expand_words {
	struct slice sender, rcpt, dest; /* reverse-path; the address as it came; after expansion */
	struct slice username,
	    directory;          /* of the user; these are the system's, and stay as they are */
	struct slice mbox_from; /* the sender, or MAILER-DAEMON */
	char delimiter;         /* before a sub-address, which :strip takes off */
};

/*
 * Appends text with its %{name}, %{name[first:last]} and %{name:modifier|…} replaced. Names are
 * sender, rcpt, dest (each also .user and .domain), user.username, user.directory, mbox.from;
 * ranges count from 0, both ends included; a negative place counts from the end, and as a range's
 * end is left out itself. Modifiers are lowercase, uppercase and strip, with | or a comma between;
 * %% is one %. False, and *wrong (EXPAND_WRONG octets), for anything else.
 */
enum { EXPAND_WRONG = 128, EXPAND_MOST = 2048 };
bool expand(struct slice text, const struct expand_words *w, struct buf *out, char *wrong);

#endif
