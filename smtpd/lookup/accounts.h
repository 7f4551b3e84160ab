/*
 * The accounts: local@domain and a password hash, in a SQLite database of lookup's own.
 */
#ifndef SMTPD_LOOKUP_ACCOUNTS_H
#define SMTPD_LOOKUP_ACCOUNTS_H

#include "common/base/buf.h"
#include "common/base/error.h"

bool accounts_open(struct slice path, struct error *why);
void accounts_close(void);

/* Whether there is an account; its hash appended to hash (NULL: not wanted). Case does not matter. */
bool accounts_find(struct slice account, struct buf *hash);
bool accounts_have_domain(struct slice domain);

/* False, and a sentence: it is there already, it is not there, or the database fails. */
bool accounts_add(struct slice account, struct slice hash, struct error *why);
bool accounts_change(struct slice account, struct slice hash, struct error *why);
bool accounts_remove(struct slice account, struct error *why);

/* Calls each(owner, account) for every account in order. */
void accounts_list(void (*each)(void *owner, struct slice account), void *owner);

#endif
