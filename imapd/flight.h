/*
 * APPENDs in flight: a client that sends many one after the other (LITERAL+, RFC 7888) has each
 * sent on to mailbox before those before it are answered, so that they share a commit. The tagged
 * responses go out in the order of the commands, and a command of another kind waits until all have
 * gone (RFC 9051 5.5). Invariant: while any is in flight, no command but APPEND is in hand.
 */
#ifndef IMAPD_FLIGHT_H
#define IMAPD_FLIGHT_H

#include "imapd/session.h"

/*
 * Sends the message on; the command in hand is over, and its response follows. False: as many are
 * in flight as may be, or it cannot be sent: the caller asks and waits as for any command.
 */
bool imap_flight_start(struct imap_session *s, const struct am_append *m);

/* Whether there is one whose response has not gone out. */
bool imap_flight_is_any(const struct imap_session *s);

/* Takes the response of a command that must wait for those before it. */
void imap_flight_follow(struct imap_session *s, char *ending);

/*
 * Between commands: sends the responses that have their turn, what has changed before them. False:
 * the next command waits for more of them, and *next is what the step ends with.
 */
bool imap_flight_step(struct imap_session *s, enum session_next *next);

/* The session ends: sends the responses that have their turn; the others get that one (NULL: none). */
void imap_flight_end(struct imap_session *s, const char *others);

/* Nobody waits for them any more. */
void imap_flight_drop(struct imap_session *s);

#endif
