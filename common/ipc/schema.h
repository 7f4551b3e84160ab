/*
 * A message between processes is a list of fields. From that list come its struct, and a
 * schema by which one walker packs, unpacks, checks and prints every message there is.
 * Text is UTF-8 without NUL; octets are anything; both are borrowed by the unpacked struct.
 */
#ifndef COMMON_IPC_SCHEMA_H
#define COMMON_IPC_SCHEMA_H

#include "common/base/buf.h"
#include "common/base/slice.h"

/* A secret is octets that a channel wipes from its memory behind them, and that no trace shows. */
enum ipc_kind { IPC_U8, IPC_U16, IPC_U32, IPC_U64, IPC_I64, IPC_TEXT, IPC_OCTETS, IPC_SECRET };

struct ipc_field {
	const char *name;
	enum ipc_kind kind;
	size_t offset;
	uint64_t least; /* of a number its value, of text and octets their length */
	uint64_t most;
};

enum ipc_descriptor { FD_NONE, FD_FILE, FD_SOCKET, FD_MAYBE };

struct ipc_schema {
	const char *name;
	uint16_t type;
	enum ipc_descriptor descriptor;
	size_t size; /* of the struct */
	size_t count;
	const struct ipc_field *fields;
};

/* Appends the packed body. Returns NULL, or the name of the field that is out of its range. */
const char *ipc_pack(struct buf *out, const struct ipc_schema *schema, const void *message);

/*
 * Reads a body into *message (schema->size octets). Returns NULL, or the name of the field
 * that is wrong ("end" for octets too many). Slices point into body.
 */
const char *ipc_unpack(struct slice body, const struct ipc_schema *schema, void *message);

/* Whether what came with it (-1: nothing) may: a file must be a file and a socket a socket, whatever the peer claims. */
bool ipc_takes_descriptor(const struct ipc_schema *schema, int fd);

/* Whether there is a secret among its fields. */
bool ipc_is_secret(const struct ipc_schema *schema);

/* name{field=value ...} for people; octets and secrets show as their length. */
void ipc_print(struct buf *out, const struct ipc_schema *schema, const void *message);

/* Lists inside an octets field: each item is length-prefixed. */
void ipc_list_add(struct buf *list, struct slice item);
bool ipc_list_next(struct slice *list, struct slice *item); /* false at the end or when cut */

#endif
