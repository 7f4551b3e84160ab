/*
 * What FETCH asks for (RFC 3501 6.4.5): parsed into items, and the sections of BODY[…] cut
 * from a message's octets. Pure.
 */
#ifndef IMAPD_FETCH_ITEM_H
#define IMAPD_FETCH_ITEM_H

#include "common/base/buf.h"
#include "common/base/limits.h"
#include "common/mail/mime.h"
#include "imapd/parse.h"

enum imap_item {
	IMAP_ITEM_UID,
	IMAP_ITEM_FLAGS,
	IMAP_ITEM_DATE,
	IMAP_ITEM_SIZE,
	IMAP_ITEM_ENVELOPE,
	IMAP_ITEM_BODY,
	IMAP_ITEM_STRUCTURE,
	IMAP_ITEM_SECTION,
};

enum imap_text { IMAP_WHOLE, IMAP_HEADER, IMAP_FIELDS, IMAP_FIELDS_NOT, IMAP_TEXT, IMAP_MIME };

struct imap_section {
	struct slice part; /* "1.2"; empty: the message */
	enum imap_text text;
	struct slice *names;  /* of header fields; the octets are the command's */
	struct slice *sorted; /* the same, to be looked up: a header may have as many fields */
	size_t name_count;
	const char *label; /* RFC822 and its kin answer to their own name; else NULL */
	bool is_peek, is_partial;
	uint32_t from, octets; /* of a partial fetch */
};

struct imap_fetch_item {
	enum imap_item item;
	struct imap_section section;
};

struct imap_fetch_items {
	struct imap_fetch_item items[LIMIT_FETCH_ITEMS];
	size_t count;
	unsigned wants; /* WANT_* for am_fetch */
	bool sets_seen; /* a section without PEEK is among them */
};

/* Reads the items up to the end of the command. On false, items_fini() is still due. */
bool imap_fetch_items_parse(struct imap_parse *p, struct imap_fetch_items *items);
void imap_fetch_items_fini(struct imap_fetch_items *items);
bool imap_fetch_items_has(const struct imap_fetch_items *items, enum imap_item item);

/* How a section is named in the answer: BODY[1.HEADER.FIELDS (To Cc)]<0>. */
void imap_section_name(const struct imap_section *s, struct buf *out);

/*
 * Cuts a section out of octets: the whole message, or its header alone when all sections are
 * of the header. What it shows lies in octets or in *made. tree is the message's, made when it
 * is first needed (count 0 before). False when the message has no such part: NIL.
 */
bool imap_section_cut(const struct imap_section *s, struct slice octets, struct mime *tree,
    struct buf *made, struct slice *cut);

#endif
