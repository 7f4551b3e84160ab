/*
 * One message's FETCH response (RFC 3501 7.4.2): its items in the order that the client asked for.
 * A large section of a file is read from there as the client takes it (output.h).
 */
#ifndef IMAPD_FETCH_RESPONSE_H
#define IMAPD_FETCH_RESPONSE_H

#include "imapd/fetch_item.h"
#include "imapd/session.h"

/* From an am_message, whose descriptor it takes; a message that the view does not know is passed
 * over. False: the octets cannot be read, or are not all of the message; then nothing was written. */
bool imap_fetch_response(
    struct imap_session *s, const struct imap_fetch_items *items, const struct ipc_message *m);

/* The same of a message of the view, where no item needs more than the view knows. */
void imap_fetch_response_known(
    struct imap_session *s, const struct imap_fetch_items *items, struct imap_message *known);

#endif
