/*
 * The addresses of a header field (RFC 5322 3.4, 4.4), as ENVELOPE tells them: mailboxes, and
 * groups as a beginning, members and an end. Broken input never fails: what makes no address is
 * passed over up to the next comma. One pass, no recursion, at most LIMIT_ADDRESSES items and
 * LIMIT_FIELD_PARSED octets.
 */
#ifndef COMMON_MAIL_ADDRESS_LIST_H
#define COMMON_MAIL_ADDRESS_LIST_H

#include "common/base/buf.h"

enum address_item_kind {
	ADDRESS_ITEM_MAILBOX,
	ADDRESS_ITEM_GROUP,     /* name is the group's; its members follow */
	ADDRESS_ITEM_GROUP_END, /* all empty; there is one for every beginning */
};

/*
 * Quotes, backslashes, comments and folds are gone; encoded words stand as they are. A name or a
 * route that was not there has a NULL data. A mailbox has a local part and a domain always, if
 * only empty ones, for ENVELOPE tells groups by a host that is NIL. In "a@b (Ann)" Ann is the name.
 */
struct address_item {
	enum address_item_kind kind;
	struct slice name, route, local, domain;
};

struct address_list {
	struct slice rest;
	struct buf name, route, local, domain, comment; /* what the item's slices show */
	unsigned count;                                 /* items so far */
	unsigned words;                                 /* of the phrase in hand */
	bool has_gap;   /* blanks or a comment stood before what comes next */
	bool is_quoted; /* the last word of the phrase was */
	bool in_group;
};

/* Begins at the value of a field, folds and all; it must outlive the list. */
void address_list_init(struct address_list *l, struct slice value);
void address_list_fini(struct address_list *l);

/* The next item, whose slices are valid until the next call; false at the end. */
bool address_list_next(struct address_list *l, struct address_item *item);

/*
 * Appends the name that stands before an address: as it is when it is words that need no quotes,
 * encoded ones among them, and else quoted (phrase of RFC 5322 3.2.5). Controls become blanks.
 */
void address_name_write(struct buf *out, struct slice name);

#endif
