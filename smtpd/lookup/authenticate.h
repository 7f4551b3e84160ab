/*
 * Is this name and password right? Asks the listen line's table, or the accounts and then, for a
 * name without a domain, the system's users. A wrong password, an unknown name and a name that
 * nobody can have take the same time and give the same answer.
 */
#ifndef SMTPD_LOOKUP_AUTHENTICATE_H
#define SMTPD_LOOKUP_AUTHENTICATE_H

#include "common/ipc/any_lookup.h"

/* Calls done once, perhaps at once; account is canonical, and empty unless LOGIN_OK. Copies q. */
void authenticate(const struct al_login *q,
    void (*done)(void *owner, enum al_login_result result, struct slice account), void *owner);

/* Forgets which logins were right a while ago: the next of each costs a hash again. */
void authenticate_forget(void);

#endif
