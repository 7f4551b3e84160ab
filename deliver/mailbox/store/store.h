/*
 * One account's mail: a SQLite database, and large bodies as files beside it. Every change is
 * made inside the group commit's transaction; who must know that it is durable waits there.
 * UIDs and modseqs are taken inside the transaction, so nobody sees them out of order.
 */
#ifndef DELIVER_MAILBOX_STORE_STORE_H
#define DELIVER_MAILBOX_STORE_STORE_H

#include "common/base/buf.h"
#include "common/db/commit.h"

struct store {
	struct db *db;
	struct commit *commit;
	char folder[1024];
	uint64_t modseq;       /* the highest that was taken */
	uint64_t before;       /* and before the change in hand */
	struct buf unnamed;    /* files whose rows this change removes, each with a NUL */
	uint64_t signed_below; /* bodies up to there were signed, or cannot be; 0: none shall be */
	uint64_t signing;      /* the body that signer.c has in the pool; 0: none, or it is gone */
	uint64_t unmoved; /* bodies from there on may be in an older form; 0: none is (form.h) */
	uint64_t damaged; /* one that form.c passes over, for it cannot be read; 0: none */
	bool is_wide;     /* rows of bodies have room for what was told of them */
	bool lacks_index; /* and it is there still */
	bool is_broken;   /* a commit or a sync failed */
	void (*broken)(void *owner);
	void *owner;
};

enum store_result {
	STORE_OK,
	STORE_NONE,
	STORE_EXISTS,
	STORE_CANNOT,
	STORE_FULL,
	STORE_LIMIT,
	STORE_BROKEN
};

/* Opens or makes the account in that folder. When a commit or a sync failed, broken() has to close
 * it: whoever waited was refused, and only what is on the disk holds. */
bool store_open(struct store *s, const char *folder, void (*broken)(void *owner), void *owner,
    struct error *why);
void store_close(struct store *s);

/* Nobody has asked for a while: what is kept for speed goes, until somebody does. */
void store_rest(struct store *s);

/* A change that is made whole, or undone. What a change does stands between these two; end gives r
 * back, or what went wrong. */
bool store_begin(struct store *s);
enum store_result store_end(struct store *s, enum store_result r);
enum store_result store_result_of(enum db_result r);

/* Whether so many octets find room, with enough left for changes that make room. */
bool store_has_room(const struct store *s, uint64_t octets);

#endif
