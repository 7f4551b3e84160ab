/*
 * smtpctl ─▶ parent, over the control socket. The parent knows the peer's uid from the kernel,
 * answers what is its own and passes the rest on to the process that knows.
 *
 *	cp_order ─▶ cp_line* ─▶ cp_done
 */
#ifndef COMMON_IPC_CTL_PARENT_H
#define COMMON_IPC_CTL_PARENT_H

#include "common/ipc/protocol.h"

/* clang-format off */
#define CP_ORDER(F, m)           /* kind  name       least most */ \
	F(m, text,   verb,      1, 64)             /* "show queue", "account add" */ \
	F(m, octets, arguments, 0, 60000)          /* an ipc_list */ \
	F(m, u8,     json,      0, 1)
#define CP_LINE(F, m) \
	F(m, octets, text,      0, 60000)
#define CP_DONE(F, m) \
	F(m, u8,     code,      0, 127) \
	F(m, text,   error,     0, 1000)
#define CTL_PARENT(M)            /* name  number  fields  descriptor */ \
	M(cp_order, 0x0c01, CP_ORDER, FD_NONE) \
	M(cp_line,  0x0c02, CP_LINE,  FD_NONE) \
	M(cp_done,  0x0c03, CP_DONE,  FD_NONE)
/* clang-format on */

IPC_DECLARE(CTL_PARENT)

#endif
