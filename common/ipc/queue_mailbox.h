/*
 * queue ─▶ mailbox: store this message for these accounts, once each.
 *
 *	qm_deliver ─▶ qm_rcpt* ─▶ qm_body ─▶ qm_outcome*      one for each recipient, and that is all
 *
 * An envelope id that was stored before is answered as delivered and stores nothing.
 */
#ifndef COMMON_IPC_QUEUE_MAILBOX_H
#define COMMON_IPC_QUEUE_MAILBOX_H

#include "common/ipc/outcome.h"
#include "common/ipc/protocol.h"

/* clang-format off */
#define QM_DELIVER(F, m)         /* kind  name       least most */ \
	F(m, u64,    message,   1, UINT64_MAX) \
	F(m, text,   sender,    0, LIMIT_PATH)     /* for Return-Path */ \
	F(m, i64,    arrival,   0, 0)              /* seconds since 1970: INTERNALDATE */ \
	F(m, u64,    size,      0, LIMIT_MESSAGE_HARD) \
	F(m, u32,    rcpts,     1, LIMIT_RECIPIENTS)
#define QM_RCPT(F, m) \
	F(m, u64,    envelope,  1, UINT64_MAX) \
	F(m, text,   account,   1, LIMIT_USER) \
	F(m, text,   address,   1, LIMIT_PATH)     /* for Delivered-To */
#define QM_BODY(F, m) \
	F(m, octets, octets,    0, LIMIT_INLINE)
#define QM_OUTCOME(F, m) \
	F(m, u64,    envelope,  1, UINT64_MAX) \
	F(m, u8,     outcome,   0, OUTCOME_PERMANENT) \
	F(m, text,   status,    5, LIMIT_STATUS) \
	F(m, text,   text,      0, 500)
#define QUEUE_MAILBOX(M)         /* name  number  fields  descriptor */ \
	M(qm_deliver, 0x0801, QM_DELIVER, FD_NONE) \
	M(qm_rcpt,    0x0802, QM_RCPT,    FD_NONE) \
	M(qm_body,    0x0803, QM_BODY,    FD_MAYBE) \
	M(qm_outcome, 0x0804, QM_OUTCOME, FD_NONE)
/* clang-format on */

IPC_DECLARE(QUEUE_MAILBOX)

#endif
