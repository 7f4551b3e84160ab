/*
 * Patterns of LIST and LSUB (RFC 3501 6.3.8): * stands for anything, % for anything within one
 * level. Levels are parted by /. Pure; no pattern makes it go back further than to its last *.
 */
#ifndef IMAPD_LIST_MATCH_H
#define IMAPD_LIST_MATCH_H

#include "common/base/slice.h"

bool imap_list_match(struct slice pattern, struct slice name);

#endif
