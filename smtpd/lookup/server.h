/*
 * The lines to those that ask lookup, and to the mailbox processes that it tells of grants.
 */
#ifndef SMTPD_LOOKUP_SERVER_H
#define SMTPD_LOOKUP_SERVER_H

#include "common/ipc/asker.h"
#include "common/ipc/neighbour.h"

/* The mailbox process that owns an account. */
uint8_t server_mailbox_of(struct slice account);
struct channel *server_mailbox(uint8_t instance); /* NULL: not there now */

/* What listeners remember of our answers holds no more: tables, accounts or rules are others now.
 * An answer that is sent after it is remembered anew. */
void server_forget_verdicts(void);

extern const struct neighbour server_neighbours[];

#endif
