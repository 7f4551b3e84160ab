/*
 * The keys of SEARCH (RFC 3501 6.4.4), parsed into the program that mailbox runs
 * (common/mail/search.h). Pure, and bounded in depth and number.
 */
#ifndef IMAPD_SEARCH_KEY_H
#define IMAPD_SEARCH_KEY_H

#include "imapd/parse.h"
#include "imapd/view.h"

enum imap_search_result {
	IMAP_SEARCH_OK,
	IMAP_SEARCH_BAD,
	IMAP_SEARCH_CHARSET,
	IMAP_SEARCH_TOO_LONG, /* or too many keys */
};

/* Reads [CHARSET name] and the keys up to the end of the command; appends the program. */
enum imap_search_result imap_search_parse(
    struct imap_parse *p, const struct imap_view *view, struct buf *program);

#endif
