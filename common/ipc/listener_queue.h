/*
 * listener ─▶ queue: hand over a message, and hear that it is stored.
 *
 *	lq_ids  ◀─ (unasked)          message ids for this listener to use, each once, in place of those before
 *	lq_more                       few are left
 *	lq_state ◀─ (unasked)         whether mail is taken
 *	lq_begin ─▶ lq_rcpt* ─▶ lq_body ─▶ lq_commit ─▶ lq_stored | lq_refused
 *	lq_spool ─▶ lq_spooled+fd     a file for a body over LIMIT_INLINE; lq_commit names it then
 *	lq_drop                       the session is gone: forget the spool file
 *
 * All messages of a hand-over carry one request id. lq_stored is sent only after the sync.
 */
#ifndef COMMON_IPC_LISTENER_QUEUE_H
#define COMMON_IPC_LISTENER_QUEUE_H

#include "common/ipc/protocol.h"
#include "common/mail/notify.h"

/* What a message is. In queues of before, 2 and 4 may stand too; they mean nothing. */
enum { MESSAGE_8BIT = 1 };

enum { LQ_STATE_TEXT = 200 }; /* octets of what MAIL hears */

/* clang-format off */
#define LQ_IDS(F, m)             /* kind  name       least most */ \
	F(m, u64,    first,     1, UINT64_MAX) \
	F(m, u32,    count,     1, 100000)
#define LQ_STATE(F, m) \
	F(m, u16,    code,      0, 499)            /* what MAIL hears; 0: mail is taken */ \
	F(m, text,   text,      0, LQ_STATE_TEXT)  /* enhanced code and sentence */
#define LQ_BEGIN(F, m) \
	F(m, u64,    message,   1, UINT64_MAX)     /* from lq_ids */ \
	F(m, text,   sender,    0, LIMIT_PATH)     /* empty: the null path */ \
	F(m, u8,     flags,     0, MESSAGE_8BIT) \
	F(m, u8,     ret,       0, RET_HDRS) \
	F(m, text,   envid,     0, LIMIT_ENVID)    /* decoded */ \
	F(m, text,   user,      0, LIMIT_USER)     /* authenticated as */ \
	F(m, text,   client,    0, LIMIT_CLIENT) \
	F(m, text,   helo,      0, LIMIT_HOSTNAME)
#define LQ_RCPT(F, m) \
	F(m, u8,     transport, 0, 2)              /* enum al_transport; as in al_recipient: */ \
	F(m, text,   action,    1, LIMIT_ACTION) \
	F(m, text,   address,   1, LIMIT_PATH) \
	F(m, text,   user,      0, LIMIT_USER) \
	F(m, text,   target,    0, LIMIT_TARGET) \
	F(m, u8,     mailbox,   0, LIMIT_INSTANCES - 1) \
	F(m, text,   original,  1, LIMIT_PATH)     /* what RCPT TO said */ \
	F(m, text,   orcpt,     0, LIMIT_ORCPT)    /* type;address, decoded; empty: not given */ \
	F(m, u8,     notify,    0, 15)             /* NOTIFY_* */
#define LQ_BODY(F, m) \
	F(m, octets, octets,    0, LIMIT_INLINE)   /* the whole message, trace fields and all */
#define LQ_COMMIT(F, m) \
	F(m, u32,    spool,     0, UINT32_MAX)     /* 0: the body came inline */ \
	F(m, u64,    size,      0, LIMIT_MESSAGE_HARD) /* octets of the body */
#define LQ_SPOOLED(F, m) \
	F(m, u32,    spool,     1, UINT32_MAX)
#define LQ_DROP(F, m) \
	F(m, u32,    spool,     1, UINT32_MAX)
#define LQ_REFUSED(F, m) \
	F(m, u16,    code,      400, 599) \
	F(m, text,   text,      1, 400)            /* enhanced code and sentence */
#define LISTENER_QUEUE(M)        /* name  number  fields  descriptor */ \
	M(lq_ids,     0x0401, LQ_IDS,     FD_NONE) \
	M(lq_state,   0x0402, LQ_STATE,   FD_NONE) \
	M(lq_begin,   0x0403, LQ_BEGIN,   FD_NONE) \
	M(lq_rcpt,    0x0404, LQ_RCPT,    FD_NONE) \
	M(lq_body,    0x0405, LQ_BODY,    FD_NONE) \
	M(lq_commit,  0x0406, LQ_COMMIT,  FD_NONE) \
	M(lq_stored,  0x0407, IPC_EMPTY,  FD_NONE) \
	M(lq_refused, 0x0408, LQ_REFUSED, FD_NONE) \
	M(lq_spool,   0x0409, IPC_EMPTY,  FD_NONE) \
	M(lq_spooled, 0x040a, LQ_SPOOLED, FD_FILE) \
	M(lq_drop,    0x040b, LQ_DROP,    FD_NONE) \
	M(lq_more,    0x040c, IPC_EMPTY,  FD_NONE)
/* clang-format on */

IPC_DECLARE(LISTENER_QUEUE)

#endif
