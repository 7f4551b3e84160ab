/*
 * Bodies that are too large for the database. A listener writes into spool/<number>, which it can
 * only write; when the message is complete the file becomes bodies/xx/<id>, synced with its
 * folder, before the database names it.
 */
#ifndef QUEUE_STORE_SPOOL_H
#define QUEUE_STORE_SPOOL_H

#include "common/base/error.h"
#include "common/base/slice.h"

/* Makes the folders below the queue's, and removes what a former run left in spool/. */
bool spool_open(const char *folder, struct error *why);
void spool_close(void);

/* A new file to write to; gives its descriptor, -1 when there is no room. */
int spool_create(uint32_t number);
void spool_remove(uint32_t number);

/*
 * Makes the file the body of a message, durably. Blocks on the disk: for libuv's pool. False when
 * it has not exactly that size, or the disk fails; then it is in the spool still, and nowhere else.
 */
bool spool_keep(uint32_t number, uint64_t id, uint64_t size);

/* Writes a body of our own, durably; false when the disk does not take it. Blocks. */
bool spool_write_body(uint64_t id, struct slice octets);

/* The body, to read from; gives a descriptor. -1 with errno: ENOENT when it is not there or has
 * another size, anything else when it cannot be opened now. */
int spool_open_body(uint64_t id, uint64_t size);
void spool_remove_body(uint64_t id);

/* Calls each(id) for the bodies of folder number n, 0 to SPOOL_FOLDERS - 1. */
enum { SPOOL_FOLDERS = 256 };
void spool_walk_bodies(unsigned n, void (*each)(uint64_t id));

#endif
