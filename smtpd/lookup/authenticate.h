/*
 * Who somebody is: a name and a password against a table, the accounts, or the system's users.
 * Hashing runs in the pool; an unknown name costs as long as a wrong password.
 */
#ifndef SMTPD_LOOKUP_AUTHENTICATE_H
#define SMTPD_LOOKUP_AUTHENTICATE_H

#include "common/base/error.h"
#include "common/ipc/any_lookup.h"

/* Answers later, once: done(owner, result, account). The slices are copied. */
void authenticate(const struct al_login *q,
    void (*done)(void *owner, enum al_login_result result, struct slice account), void *owner);

/* Hashes a new password. False when crypt(3) refuses. */
bool authenticate_hash(struct slice secret, struct buf *hash, struct error *why);

/* Forgets what was remembered of good logins: a password has changed. */
void authenticate_forget(void);

#endif
