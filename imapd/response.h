/*
 * What a client is told (RFC 3501 7): untagged responses as they come, and the tagged one that ends
 * the command in hand.
 */
#ifndef IMAPD_RESPONSE_H
#define IMAPD_RESPONSE_H

#include "imapd/session.h"

/* A tagged response, which it gives; tag may be NULL. The text begins with OK, NO or BAD. */
char *imap_ending(const char *tag, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *imap_ending_no(const char *tag, const struct am_no *no); /* in the words of RFC 5530 */
char *imap_ending_unavailable(const char *tag);

/* Queues output, behind what is queued already. */
void imap_write(struct imap_session *s, struct slice text);
void imap_printf(struct imap_session *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether the client has still to take what was sent, or is gone: who has more to tell waits. */
bool imap_is_client_slow(const struct imap_session *s);

/*
 * Ends the command in hand: what has changed in the mailbox is told first where that is
 * allowed, then the tagged response, which it takes; with imap_done() and what follows it, both
 * wait for APPENDs in flight.
 */
void imap_end(struct imap_session *s, char *ending);
void imap_done(struct imap_session *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void imap_bad(struct imap_session *s, const char *why);
void imap_no(struct imap_session *s, const struct am_no *no);
void imap_unavailable(struct imap_session *s);

/* Sends the tagged response that waited for SYNC_ASK, or goes back to IDLE. */
void imap_synced(struct imap_session *s);

#endif
