/*
 * One message's FETCH response (RFC 3501 7.4.2): its items in the order that the client asked for.
 * A large section of a file is read from there as the client takes it (output.h); what is made of a
 * message is made when the client has taken what came before, so that a session never holds more of
 * it than one item.
 */
#ifndef IMAPD_FETCH_RESPONSE_H
#define IMAPD_FETCH_RESPONSE_H

#include "imapd/fetch_item.h"
#include "imapd/session.h"

/* A message, and how far it is told. */
struct imap_fetch_response {
	TAILQ_ENTRY(imap_fetch_response) link; /* of what waits for the client */
	struct am_message message;             /* what mailbox has sent … */
	struct buf kept;                       /* … in here, if it had to be kept */
	struct imap_file *file;                /* NULL: the octets came inline */
	struct slice octets;
	struct mime tree;
	struct buf made;
	size_t next; /* the item that is next */
};

/* From an am_message, whose descriptor it takes and whose octets it borrows. False: the octets
 * cannot be read, or are not all of the message. In both cases fini() is due. */
bool imap_fetch_response_init(struct imap_fetch_response *r, const struct imap_fetch_items *items,
    const struct ipc_message *m);
void imap_fetch_response_fini(struct imap_fetch_response *r);

/* Makes what was borrowed its own. */
void imap_fetch_response_keep(struct imap_fetch_response *r);

/* Tells as many items as the client takes now; true: all. One that the view does not know is passed
 * over. */
bool imap_fetch_response_tell(
    struct imap_session *s, const struct imap_fetch_items *items, struct imap_fetch_response *r);

/* Ends it with the items that were told: more will not come. */
void imap_fetch_response_cut(struct imap_session *s, const struct imap_fetch_response *r);

/* Tells a message of the view, where no item needs more than the view knows. */
void imap_fetch_response_known(
    struct imap_session *s, const struct imap_fetch_items *items, struct imap_message *known);

#endif
