/*
 * The names of mailboxes as all of Kurir holds them (RFC 9051 5.1): UTF-8, levels parted by "/".
 * How a name looks on the wire is imapd's affair alone (mutf7.h).
 */
#ifndef COMMON_MAIL_MAILBOX_NAME_H
#define COMMON_MAIL_MAILBOX_NAME_H

#include "common/base/slice.h"

/* INBOX is one mailbox in any case, and one first level: writes it in capitals where it stands. */
void mailbox_name_fold(char *name, size_t len);

/* Whether a mailbox could ever have been called so: an empty name, or one with control characters,
 * need not be looked for. */
bool mailbox_name_is_text(struct slice name);

/* Whether a new mailbox may be called so: no wildcard, no level that is empty, "." or "..", none
 * too deep, within LIMIT_MAILBOX_NAME. */
bool mailbox_name_is_valid(struct slice name);

#endif
