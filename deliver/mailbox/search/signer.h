/*
 * Signs bodies while mailbox has nothing else to do, so that the first SEARCH finds them signed:
 * those of accounts that imapd has opened once, as long as their stores are open anyway. It only
 * saves work: it keeps no store open, nobody waits for it, and what it did not do is done by the
 * search that reads the body. Before that it does what else can wait, whoever opened the account:
 * it brings one of an older form to the present one (store/form.h), and takes out what is left of
 * mailboxes that were removed.
 */
#ifndef DELIVER_MAILBOX_SEARCH_SIGNER_H
#define DELIVER_MAILBOX_SEARCH_SIGNER_H

#include "deliver/mailbox/account.h"

void signer_init(void);

/* There may be something to do: the store was opened, a message came, or a removal was given up. */
void signer_add(struct account *a);

/* Its store closes. */
void signer_forget(struct account *a);

#endif
