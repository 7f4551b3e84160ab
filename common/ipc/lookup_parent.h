/*
 * lookup ─▶ parent: what only root may do for a system user. Travels on lookup's line to the
 * parent. The parent looks the user up itself and takes nothing from lookup but the name, and what
 * a userbase says of one whom the system does not know.
 *
 *	lp_check ─▶ lp_checked            a system user's password (a one-shot helper checks it)
 *	lp_forward ─▶ lp_forward_is       ~/.forward, read as the user
 */
#ifndef COMMON_IPC_LOOKUP_PARENT_H
#define COMMON_IPC_LOOKUP_PARENT_H

#include "common/ipc/protocol.h"

enum lp_check_result { CHECK_OK, CHECK_WRONG, CHECK_TEMPORARY };
enum lp_forward_result { FORWARD_FOUND, FORWARD_NONE, FORWARD_TEMPORARY };

/* clang-format off */
#define LP_CHECK(F, m)           /* kind  name       least most */ \
	F(m, text,   user,      1, LIMIT_SYSTEM_USER) \
	F(m, secret, secret,    0, LIMIT_SECRET)
#define LP_CHECKED(F, m) \
	F(m, u8,     result,    0, CHECK_TEMPORARY)
#define LP_FORWARD(F, m) \
	F(m, text,   user,      1, LIMIT_USER)     /* or name:uid:gid:home, of a userbase */
#define LP_FORWARD_IS(F, m) \
	F(m, u8,     result,    0, FORWARD_TEMPORARY) \
	F(m, octets, content,   0, LIMIT_FORWARD)  /* when it is found */
#define LOOKUP_PARENT(M)         /* name  number  fields  descriptor */ \
	M(lp_check,      0x0a01, LP_CHECK,      FD_NONE) \
	M(lp_checked,    0x0a02, LP_CHECKED,    FD_NONE) \
	M(lp_forward,    0x0a03, LP_FORWARD,    FD_NONE) \
	M(lp_forward_is, 0x0a04, LP_FORWARD_IS, FD_NONE)
/* clang-format on */

IPC_DECLARE(LOOKUP_PARENT)

#endif
