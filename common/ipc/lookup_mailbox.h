/*
 * lookup ─▶ mailbox: somebody proved who they are; whoever shows this token may open the account.
 *
 *	lm_grant ─▶ lm_granted      (before imapd hears of the token)
 */
#ifndef COMMON_IPC_LOOKUP_MAILBOX_H
#define COMMON_IPC_LOOKUP_MAILBOX_H

#include "common/base/id.h"
#include "common/ipc/protocol.h"

/* clang-format off */
#define LM_GRANT(F, m)           /* kind  name       least most */ \
	F(m, octets, token,     TOKEN_OCTETS, TOKEN_OCTETS) /* good for one open */ \
	F(m, text,   account,   1, LIMIT_USER) \
	F(m, u32,    seconds,   1, 3600)           /* until it lapses */
#define LOOKUP_MAILBOX(M)        /* name  number  fields  descriptor */ \
	M(lm_grant,   0x0901, LM_GRANT,  FD_NONE) \
	M(lm_granted, 0x0902, IPC_EMPTY, FD_NONE)
/* clang-format on */

IPC_DECLARE(LOOKUP_MAILBOX)

#endif
