/*
 * What a message says, compared as people compare: case and compatible forms do not matter (RFC
 * 9051 6.4.4; i;unicode-casemap). Pure.
 */
#ifndef DELIVER_MAILBOX_SEARCH_TEXT_H
#define DELIVER_MAILBOX_SEARCH_TEXT_H

#include "common/base/buf.h"
#include "common/mail/search.h"

/* The texts that a program looks for, folded once for all messages. */
struct search_needles {
	struct search_needle *list;
	size_t count;
};

void search_needles_init(struct search_needles *n, struct slice program);
void search_needles_fini(struct search_needles *n);

/* The folded form of a node's text, which lies in the program. */
struct slice search_needle(const struct search_needles *n, struct slice text);

/* Appends the form in which texts are compared. A tab is a blank: many programs fold with it. */
void search_fold(struct slice text, struct buf *out);

/* Whether text, as it is, holds a folded needle. */
bool search_text_holds(struct slice text, struct slice needle);

/* Whether the value of a header field of that name holds it, encoded words decoded. */
bool search_header_holds(struct slice message, struct slice name, struct slice needle);

/* Whether a text part of the message, or a report in it, holds it; encoding and charset undone. */
bool search_body_holds(struct slice message, struct slice needle);

/* Whether any of it does, as TEXT asks (RFC 3501 6.4.4): a text part, or a field, its name too, of
 * the message, of a part, or of a message that it brings along. */
bool search_message_holds(struct slice message, struct slice needle);

/*
 * Appends the signature of all that these look at: what it may not hold, they do not
 * find. The envelope is the one that is kept of the message.
 */
void search_signature(struct slice message, struct slice envelope, struct buf *bits);

/*
 * The same as search_header_holds(), by the envelope alone, for a field that it has: fast, for it
 * is short and at hand. False in *known: only the header itself can tell, as when the envelope is
 * so long that recipients may have been left out of it.
 */
bool search_envelope_holds(
    struct slice envelope, struct slice name, struct slice text, struct slice needle, bool *known);

#endif
