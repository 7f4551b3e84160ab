/*
 * Telling the client what has changed in the selected mailbox: EXPUNGE, EXISTS, RECENT and FETCH
 * FLAGS (RFC 3501 7.3, 7.4), at the moments when sequence numbers may change.
 */
#ifndef IMAPD_SYNC_H
#define IMAPD_SYNC_H

#include "imapd/session.h"

/* Whether there is anything to ask for or to tell. */
bool imap_sync_is_due(const struct imap_session *s);

/* Asks mailbox what has changed, tells the client, and then calls imap_synced(). */
void imap_sync_start(struct imap_session *s);

#endif
