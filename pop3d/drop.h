/*
 * The maildrop: numbers, sizes and UIDs of the messages as they were at login, and which are
 * marked as deleted. Pure; nothing is removed before QUIT (RFC 1939 6).
 */
#ifndef POP3D_DROP_H
#define POP3D_DROP_H

#include "common/base/buf.h"

struct pop3_message {
	uint32_t uid;
	uint32_t size;
	bool is_deleted;
};

struct pop3_drop {
	struct pop3_message *messages; /* number 1 is messages[0] */
	size_t count;
	size_t filled; /* how many sizes are known */
	size_t asked;  /* how many sizes, or removals, were asked for */
	uint32_t uidvalidity;
};

void pop3_drop_fini(struct pop3_drop *d);

/* Adds a message without its size; and the sizes, in the order of the UIDs. False for an unknown one. */
void pop3_drop_add(struct pop3_drop *d, uint32_t uid);
bool pop3_drop_size(struct pop3_drop *d, uint32_t uid, uint32_t size);

/* Forgets messages whose size never came: they were expunged meanwhile. */
void pop3_drop_settle(struct pop3_drop *d);

/* The message of that number, or NULL when there is none or it is marked. */
struct pop3_message *pop3_drop_find(const struct pop3_drop *d, struct slice number);

/* How many are not marked, and their octets. */
void pop3_drop_total(const struct pop3_drop *d, size_t *count, uint64_t *octets);

void pop3_drop_reset(struct pop3_drop *d);

/* Appends the UIDs of all messages (or of those marked) as packed ranges, at most max octets of it. */
void pop3_drop_ranges(
    const struct pop3_drop *d, bool only_deleted, size_t *from, size_t max, struct buf *out);

/* The unique id of a message (RFC 1939 7): 1 to 70 printable octets. */
void pop3_drop_uidl(const struct pop3_drop *d, const struct pop3_message *m, struct buf *out);

#endif
