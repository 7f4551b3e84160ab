/*
 * queue ─▶ relay: bring this message to these recipients of one destination.
 *
 *	qr_transfer ─▶ qr_rcpt* ─▶ qr_body ─▶ qr_outcome* ─▶ qr_done
 *
 * One request id for a transfer. Each recipient gets exactly one outcome; those that have none
 * when qr_done (or the end of relay) comes are to be tried again. With DESTINATION_BUSY they were
 * not tried: a server that serves others of our connections wants no more of them.
 */
#ifndef COMMON_IPC_QUEUE_RELAY_H
#define COMMON_IPC_QUEUE_RELAY_H

#include "common/ipc/outcome.h"
#include "common/ipc/protocol.h"
#include "common/mail/notify.h"

/* So long queue waits for qr_done before it tries anew: by then relay has given up, or a message would
 * go twice. */
enum { QR_TRANSFER_MINUTES = 180 };

/* What the transfer says of the destination as a whole. */
enum qr_destination { DESTINATION_UP, DESTINATION_DOWN, DESTINATION_BUSY };

/* clang-format off */
#define QR_TRANSFER(F, m)        /* kind  name       least most */ \
	F(m, u64,    message,   1, UINT64_MAX) \
	F(m, text,   action,    1, LIMIT_ACTION) \
	F(m, text,   domain,    1, LIMIT_DOMAIN)   /* the recipients', lower case */ \
	F(m, text,   sender,    0, LIMIT_PATH) \
	F(m, u8,     flags,     0, 1)              /* MESSAGE_* of listener_queue.h */ \
	F(m, u8,     ret,       0, RET_HDRS) \
	F(m, text,   envid,     0, LIMIT_ENVID) \
	F(m, u64,    size,      0, LIMIT_MESSAGE_HARD) \
	F(m, u8,     hasty,     0, 1)              /* others want its place: no long waits for a server's word */ \
	F(m, u32,    rcpts,     1, LIMIT_RECIPIENTS) /* how many qr_rcpt follow */
#define QR_RCPT(F, m) \
	F(m, u64,    envelope,  1, UINT64_MAX) \
	F(m, text,   address,   1, LIMIT_PATH) \
	F(m, text,   original,  1, LIMIT_PATH)     /* before aliases: what RCPT TO said */ \
	F(m, text,   orcpt,     0, LIMIT_ORCPT) \
	F(m, u8,     notify,    0, 15)             /* NOTIFY_* */
#define QR_BODY(F, m)            /* the last message of the request: inline, or a file to read from */ \
	F(m, octets, octets,    0, LIMIT_INLINE)
#define QR_OUTCOME(F, m) \
	F(m, u64,    envelope,  1, UINT64_MAX) \
	F(m, u8,     outcome,   0, OUTCOME_PERMANENT) \
	F(m, text,   status,    5, LIMIT_STATUS)   /* RFC 3463: 2.0.0 */ \
	F(m, text,   reply,     0, LIMIT_REPLY_TEXT) /* what the other side said, one line */ \
	F(m, text,   mta,       0, LIMIT_HOSTNAME) /* who said it */ \
	F(m, u8,     dsn,       0, 1)              /* the next hop took over RFC 3461's duties */
#define QR_DONE(F, m) \
	F(m, u8,     destination, 0, DESTINATION_BUSY)
#define QUEUE_RELAY(M)           /* name  number  fields  descriptor */ \
	M(qr_transfer, 0x0701, QR_TRANSFER, FD_NONE) \
	M(qr_rcpt,     0x0702, QR_RCPT,     FD_NONE) \
	M(qr_body,     0x0703, QR_BODY,     FD_MAYBE) \
	M(qr_outcome,  0x0704, QR_OUTCOME,  FD_NONE) \
	M(qr_done,     0x0705, QR_DONE,     FD_NONE)
/* clang-format on */

IPC_DECLARE(QUEUE_RELAY)

#endif
