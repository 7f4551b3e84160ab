/*
 * Grants of lookup: a token opens the account once, before it lapses.
 */
#ifndef DELIVER_MAILBOX_GRANT_H
#define DELIVER_MAILBOX_GRANT_H

#include "common/base/id.h"
#include "common/base/limits.h"

void grant_add(struct slice token, struct slice account, uint32_t seconds);

/* Uses a token up; account gets the name. False: unknown, used or lapsed. */
bool grant_take(struct slice token, char account[LIMIT_USER + 1]);

#endif
