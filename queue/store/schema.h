/*
 * The queue's database. Times are civil seconds; ages are counted seconds (expire.h). Envelopes
 * keep the name of their action, and everything of RCPT that a report must repeat (RFC 3461).
 */
#ifndef QUEUE_STORE_SCHEMA_H
#define QUEUE_STORE_SCHEMA_H

#include "queue/store/columns.h"

/* clang-format off */
#define CREATED_u8   " INTEGER"
#define CREATED_u16  " INTEGER"
#define CREATED_u64  " INTEGER"
#define CREATED_i64  " INTEGER"
#define CREATED_text " TEXT"
#define CREATED_said " TEXT"
#define CREATED(kind, name, least, most, written) ", " #name CREATED_##kind " NOT NULL"

static const char *const store_migrations[] = {
    "CREATE TABLE message (id INTEGER PRIMARY KEY" STORE_MESSAGE_FIRST(CREATED)
    ", octets BLOB);"                 /* NULL: they are in the file bodies/xx/<id> */
    "CREATE TABLE envelope (id INTEGER PRIMARY KEY" STORE_ENVELOPE_FIRST(CREATED) ");"
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID",
};
/* clang-format on */

#endif
