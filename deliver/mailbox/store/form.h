/*
 * The form of an older account, in which what is told of a body (index.h) stood in the body's
 * own row. Nobody waits until all rows are as they are now: such an account is open at once and
 * works as it is, though it be on a disk without room, and its rows are brought over in portions.
 */
#ifndef DELIVER_MAILBOX_STORE_FORM_H
#define DELIVER_MAILBOX_STORE_FORM_H

#include "common/base/moment.h"
#include "deliver/mailbox/store/store.h"

/* As it is opened: has it take what comes in the present form. False: a write failed, and the
 * database has to be opened anew, for store_form_keep(), which takes the account as it is. */
bool store_form_open(struct store *s);
void store_form_keep(struct store *s);

/* Whether there are rows left to bring over. */
bool store_form_is_old(const struct store *s);

/* Brings some over, until that time. Only while its commit is quiet. False: it was not kept; if a
 * commit failed for that, the account may be gone. */
bool store_form_portion(struct store *s, struct moment ends);

#endif
