/*
 * Signs bodies while mailbox has nothing else to do, so that the first SEARCH finds them signed:
 * those of accounts that imapd has opened once, as long as their stores are open anyway. It only
 * saves work: it keeps no store open, nobody waits for it, and what it did not do is done by the
 * search that reads the body. Before that it brings accounts of an older form to the present one
 * (store/form.h), whoever opened them.
 */
#ifndef DELIVER_MAILBOX_SEARCH_SIGNER_H
#define DELIVER_MAILBOX_SEARCH_SIGNER_H

#include "deliver/mailbox/account.h"

void signer_init(void);

/* Bodies may be there that nobody signed: the store was opened, or a message came. */
void signer_add(struct account *a);

/* Its store closes. */
void signer_forget(struct account *a);

#endif
