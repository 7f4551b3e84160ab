/*
 * The columns of the queue's tables, each named once. From these lists come the structs of
 * store.h, what every statement names, the binding and the reading of rows, and the check of what
 * was read. The ids are no part of them, nor are a message's octets, which may be NULL.
 *
 * Databases hold the columns of the version that made them, so those of FIRST are for ever as they
 * are. A new one stands in a list of its own, which COLUMNS names after FIRST, and comes into the
 * table by a migration of its own in schema.h.
 */
#ifndef QUEUE_STORE_COLUMNS_H
#define QUEUE_STORE_COLUMNS_H

#include "common/base/slice.h"

/* Seconds: the last civil time that there can be, in 34,000 years, and the oldest envelope, of 34
 * years. Beyond them is damage, with which nobody must reckon. */
#define STORE_TIME_MOST (INT64_C(1) << 40)
#define STORE_AGE_MOST (INT64_C(1) << 30)

/*
 * A text is UTF-8, as schema.h took it in; what is said may be anything. A try of an envelope
 * writes the columns that are TRIED.
 */

/* clang-format off */
#define STORE_MESSAGE_FIRST(C) \
	/* kind  name       least      most            written */ \
	C(i64,   arrival,   0,         STORE_TIME_MOST, KEPT)  \
	C(text,  sender,    0,         LIMIT_PATH,     KEPT)  /* '' is the null path */ \
	C(u8,    flags,     0,         7,              KEPT)  /* MESSAGE_* of listener_queue.h, and of before */ \
	C(u8,    ret,       0,         RET_HDRS,       KEPT)  \
	C(text,  envid,     0,         LIMIT_ENVID,    KEPT)  \
	C(said,  user,      0,         LIMIT_USER,     KEPT)  \
	C(said,  client,    0,         LIMIT_CLIENT,   KEPT)  \
	C(said,  helo,      0,         LIMIT_HOSTNAME, KEPT)  \
	C(u64,   size,      0,         LIMIT_MESSAGE_HARD, KEPT)

#define STORE_ENVELOPE_FIRST(C) \
	/* kind  name       least      most            written */ \
	C(u64,   message,   0,         INT64_MAX,      KEPT)  \
	C(u8,    transport, 0,         TRANSPORT_COUNT - 1, KEPT) /* enum al_transport, or TRANSPORT_UNROUTED */ \
	C(u8,    mailbox,   0,         LIMIT_INSTANCES - 1, KEPT)  \
	C(u8,    notify,    0,         15,             KEPT)  \
	C(u8,    hold,      0,         HOLD_REMOVED,   KEPT)  /* enum envelope_hold */ \
	C(u8,    warned,    0,         EXPIRE_WARNINGS, TRIED) /* delay warnings sent */ \
	C(u16,   tries,     0,         UINT16_MAX,     TRIED) \
	C(i64,   next_try,  0,         STORE_TIME_MOST, TRIED) \
	C(i64,   age,       0,         STORE_AGE_MOST, TRIED) /* at the time of */ \
	C(i64,   written,   0,         STORE_TIME_MOST, TRIED) /* this last change */ \
	C(text,  action,    0,         LIMIT_ACTION,   KEPT)  \
	C(text,  address,   1,         LIMIT_PATH,     KEPT)  \
	C(text,  user,      0,         LIMIT_USER,     KEPT)  \
	C(text,  target,    0,         LIMIT_TARGET,   KEPT)  \
	C(text,  original,  1,         LIMIT_PATH,     KEPT)  \
	C(text,  orcpt,     0,         LIMIT_ORCPT,    KEPT)  \
	C(said,  status,    0,         LIMIT_STATUS,   TRIED) /* what the last try brought */ \
	C(said,  reply,     0,         LIMIT_REPLY_TEXT, TRIED) \
	C(said,  mta,       0,         LIMIT_HOSTNAME, TRIED)

#define STORE_MESSAGE_COLUMNS(C)  STORE_MESSAGE_FIRST(C)
#define STORE_ENVELOPE_COLUMNS(C) STORE_ENVELOPE_FIRST(C)

#define STORE_MEMBER_u8   uint8_t
#define STORE_MEMBER_u16  uint16_t
#define STORE_MEMBER_u64  uint64_t
#define STORE_MEMBER_i64  int64_t
#define STORE_MEMBER_text struct slice
#define STORE_MEMBER_said struct slice
#define STORE_MEMBER(kind, name, least, most, written) STORE_MEMBER_##kind name;
/* clang-format on */

#endif
