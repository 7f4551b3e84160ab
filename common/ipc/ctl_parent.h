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
/*
 * The fixed words of an order are its verb, what the person fills in are its arguments. ALL: every
 * process answers with a line of its own, the parent first. An id is a message's or an envelope's; which is
 * all, an id, or from, to or domain and its value.
 */
/*        verb                 answered by   arguments, as smtpctl's usage has them */
#define CTL_VERBS(V) \
	V("account add",       LOOKUP,       "address")         /* and the password */ \
	V("account del",       LOOKUP,       "address") \
	V("account list",      LOOKUP,       "[domain]") \
	V("account passwd",    LOOKUP,       "address")         /* and the password */ \
	V("log brief",         PARENT,       "") \
	V("log verbose",       PARENT,       "") \
	V("monitor",           PARENT,       "")                /* a line a second, until hung up */ \
	V("pause envelope",    QUEUE,        "which") \
	V("pause mda",         QUEUE,        "") \
	V("pause mta",         QUEUE,        "") \
	V("pause smtp",        QUEUE,        "") \
	V("reload",            PARENT,       "") \
	V("remove",            QUEUE,        "which") \
	V("resume envelope",   QUEUE,        "which") \
	V("resume mda",        QUEUE,        "") \
	V("resume mta",        QUEUE,        "") \
	V("resume smtp",       QUEUE,        "") \
	V("schedule",          QUEUE,        "which") \
	V("show envelope",     QUEUE,        "id") \
	V("show message",      QUEUE,        "id") \
	V("show queue",        QUEUE,        "[which]") \
	V("show stats",        PARENT,       "") \
	V("show status",       ALL,          "") \
	V("stop",              PARENT,       "") \
	V("trace",             PARENT,       "[process | id ...]") /* every line, until hung up */ \
	V("update table",      LOOKUP,       "[name]")

#define CP_ORDER(F, m)           /* kind  name       least most */ \
	F(m, text,   verb,      1, 64)             /* "show queue", "account add" */ \
	F(m, secret, arguments, 0, LIMIT_ORDER)    /* an ipc_list; a password may be in it */ \
	F(m, u8,     json,      0, 1)
#define CP_LINE(F, m) \
	F(m, octets, text,      0, LIMIT_ANSWER)
#define CP_DONE(F, m) \
	F(m, u8,     code,      0, 127) \
	F(m, text,   error,     0, LIMIT_ANSWER_ERROR)
#define CTL_PARENT(M)            /* name  number  fields  descriptor */ \
	M(cp_order, 0x0c01, CP_ORDER, FD_NONE) \
	M(cp_line,  0x0c02, CP_LINE,  FD_NONE) \
	M(cp_done,  0x0c03, CP_DONE,  FD_NONE)
/* clang-format on */

IPC_DECLARE(CTL_PARENT)

#endif
