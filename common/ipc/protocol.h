/*
 * Turns the list of an edge's messages into structs, schemas and senders.
 *
 *	#define LQ_RCPT(F, m) \
 *		F(m, text, recipient, 3, LIMIT_PATH) \
 *		F(m, u8, notify, 0, 15)
 *	#define LISTENER_QUEUE(M) \
 *		M(lq_rcpt, 0x0102, LQ_RCPT, FD_NONE)
 *	IPC_DECLARE(LISTENER_QUEUE)        in the header
 *	IPC_DEFINE(LISTENER_QUEUE)         in one source file
 *
 * gives struct lq_rcpt { struct slice recipient; uint8_t notify; }, lq_rcpt_schema,
 * lq_rcpt_send(channel, id, &message, fd) and lq_rcpt_ask(channel, &request, &message). A
 * message without fields uses IPC_EMPTY.
 */
#ifndef COMMON_IPC_PROTOCOL_H
#define COMMON_IPC_PROTOCOL_H

#include "common/base/limits.h"
#include "common/ipc/channel.h"
#include "common/ipc/schema.h"

/* clang-format off */
#define IPC_TYPE_u8     uint8_t
#define IPC_TYPE_u16    uint16_t
#define IPC_TYPE_u32    uint32_t
#define IPC_TYPE_u64    uint64_t
#define IPC_TYPE_i64    int64_t
#define IPC_TYPE_text   struct slice
#define IPC_TYPE_octets struct slice
#define IPC_TYPE_secret struct slice

#define IPC_KIND_u8     IPC_U8
#define IPC_KIND_u16    IPC_U16
#define IPC_KIND_u32    IPC_U32
#define IPC_KIND_u64    IPC_U64
#define IPC_KIND_i64    IPC_I64
#define IPC_KIND_text   IPC_TEXT
#define IPC_KIND_octets IPC_OCTETS
#define IPC_KIND_secret IPC_SECRET
/* clang-format on */

/* The field of a message that says all by its type. */
#define IPC_EMPTY(F, m) F(m, u8, nothing, 0, 0)

#define IPC_MEMBER(m, kind, name, least, most) IPC_TYPE_##kind name;
#define IPC_FIELD(m, kind, name, least, most) \
	{#name, IPC_KIND_##kind, offsetof(struct m, name), (least), (most)},

#define IPC_DECLARE_ONE(m, number, fields, fd) \
	struct m { \
		fields(IPC_MEMBER, m) \
	}; \
	extern const struct ipc_schema m##_schema; \
	bool m##_send(struct channel *c, uint32_t id, const struct m *message, int descriptor); \
	uint32_t m##_ask( \
	    struct channel *c, const struct channel_request *r, const struct m *message);

#define IPC_DEFINE_ONE(m, number, fields, fd) \
	static const struct ipc_field m##_fields[] = {fields(IPC_FIELD, m)}; \
	const struct ipc_schema m##_schema = {#m, (number), (fd), sizeof(struct m), \
	    sizeof(m##_fields) / sizeof(m##_fields[0]), m##_fields}; \
	bool m##_send(struct channel *c, uint32_t id, const struct m *message, int descriptor) \
	{ \
		return channel_send(c, &m##_schema, id, message, descriptor); \
	} \
	uint32_t m##_ask( \
	    struct channel *c, const struct channel_request *r, const struct m *message) \
	{ \
		return channel_ask(c, r, &m##_schema, message); \
	}

#define IPC_DECLARE(list) list(IPC_DECLARE_ONE)
#define IPC_DEFINE(list) list(IPC_DEFINE_ONE)

#endif
