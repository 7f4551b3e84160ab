/*
 * One account's mail: a SQLite database, and large bodies as files beside it. Every change is
 * made inside the group commit's transaction; who must know that it is durable waits there.
 * UIDs and modseqs are taken inside the transaction, so nobody sees them out of order.
 */
#ifndef DELIVER_MAILBOX_STORE_H
#define DELIVER_MAILBOX_STORE_H

#include "common/db/commit.h"
#include "common/ipc/any_mailbox.h"

enum { STORE_NAME = LIMIT_MAILBOX_NAME + 1 };

struct store {
	struct db *db;
	struct commit *commit;
	char folder[1024];
	uint64_t modseq;       /* the highest that was taken */
	uint64_t before;       /* and before the change in hand */
	struct buf unnamed;    /* files whose rows this change removes, each with a NUL */
	uint64_t signed_below; /* bodies up to there were signed, or cannot be; 0: none shall be */
	uint64_t signing;      /* the body that signer.c has in the pool; 0: none, or it is gone */
	bool is_broken;        /* a commit or a sync failed */
	void (*broken)(void *owner);
	void *owner;
};

struct store_mailbox {
	uint64_t id;
	uint32_t uidvalidity, uidnext, recent; /* recent: UIDs below were seen by a view */
	bool is_noselect;
	char name[STORE_NAME];
};

struct store_index;

struct store_message {
	uint32_t uid, set;
	uint64_t modseq, body, size;
	int64_t date;
	uint8_t flags;
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

/* store_mailbox.c: names were folded, and new ones checked, by mailbox_name.h. */
enum store_result store_find(struct store *s, const char *name, struct store_mailbox *m);
enum store_result store_find_id(struct store *s, uint64_t id, struct store_mailbox *m);
enum store_result store_create(struct store *s, const char *name, struct slice special_use);
enum store_result store_remove(struct store *s, const char *name, uint64_t *id);

/* A removed mailbox's messages go after it, a portion at a time; *is_empty: none is left. Those
 * that were left when the store closed go as it opens. */
enum store_result store_empty_removed(struct store *s, uint64_t id, bool *is_empty);
void store_sweep_removed(struct store *s);
enum store_result store_rename(struct store *s, const char *from, const char *to);
enum store_result store_subscribe(struct store *s, const char *name, bool on);
void store_list(
    struct store *s, void (*each)(void *owner, const struct am_mailbox *m), void *owner);
bool store_status(struct store *s, const struct store_mailbox *m, struct am_status_is *is);
void store_seen_recent(struct store *s, const struct store_mailbox *m);

/* store_message.c */
struct store_new {
	struct slice octets; /* the whole message, of up to LIMIT_INLINE */
	const char *file;    /* of a larger one, instead: made before (body_file.h) */
	const struct store_index
	    *index; /* made before; of octets but for the header's size; NULL: of octets */
	uint64_t size;
	int64_t date;
	uint8_t flags;
	struct slice keywords; /* an ipc_list */
	uint64_t envelope;     /* a delivery's id: stored once; 0: an APPEND */
};
/* *uid is 0 when the delivery was stored before. */
enum store_result store_add(
    struct store *s, struct store_mailbox *m, const struct store_new *n, uint32_t *uid);

/* The next modseq, as that mailbox's highest; the changes of one portion share it. */
uint64_t store_next_modseq(struct store *s, uint64_t mailbox);

/* These stand in a transaction, and change it by halves when they fail: store_begin() first. A
 * copy takes to->uidnext, which store_put_uidnext() keeps, with the newest modseq. */
enum store_result store_copy(struct store *s, struct store_mailbox *to,
    const struct store_message *message, uint64_t modseq, uint32_t *uid);
enum store_result store_move(struct store *s, const struct store_mailbox *from,
    struct store_mailbox *to, const struct store_message *message, uint64_t modseq, uint32_t *uid);
enum store_result store_put_uidnext(struct store *s, const struct store_mailbox *m);
enum store_result store_expunge(struct store *s, const struct store_mailbox *m,
    const struct store_message *message, uint64_t modseq);

/* This too: flags to drop and then to add, and the keywords, of all messages with UIDs from first
 * to last. Those that have them so already keep their modseq. */
struct store_flagging {
	uint32_t first, last, set;
	uint8_t drop, add;
};
enum store_result store_flags(
    struct store *s, uint64_t mailbox, const struct store_flagging *f, uint64_t modseq);

/* Calls each for the messages with uid from first to last, by uid; each returns false to stop. */
void store_each(struct store *s, uint64_t mailbox, uint32_t first, uint32_t last,
    bool (*each)(void *owner, const struct store_message *m), void *owner);

/* Whether at most so many messages have a modseq over since; and those, by uid. */
bool store_few_changed(struct store *s, uint64_t mailbox, uint64_t since, uint32_t most);
void store_each_changed(struct store *s, uint64_t mailbox, uint64_t since,
    bool (*each)(void *owner, const struct store_message *m), void *owner);

/* A place among what was expunged, by modseq. True when none is left after it. */
struct store_gone {
	uint64_t modseq;
	uint32_t uid;
};
bool store_each_gone(struct store *s, uint64_t mailbox, struct store_gone *from,
    bool (*each)(void *owner, uint32_t uid), void *owner);

/* Forgets at most so many of those up to a modseq, the oldest first; stands in a transaction. */
enum store_result store_forget_gone(
    struct store *s, uint64_t mailbox, uint64_t known, unsigned most);

/* store_keyword.c: the id of a set of keywords, made when it is new; 0 is the empty set.
 * UINT32_MAX: too many. An id is never another set's, for views know it. */
uint32_t store_set(struct store *s, struct slice keywords);
void store_each_set(struct store *s, uint32_t after,
    void (*each)(void *owner, uint32_t set, struct slice keywords), void *owner);

/* Appends the keywords of a set, none when there is no such set. False: they cannot be read. */
bool store_set_keywords(struct store *s, uint32_t set, struct buf *keywords);

/* Where there are many sets, those that no message has go. */
void store_sweep_sets(struct store *s);

/* store_beside.c: a walk over rows about bodies beside one over messages; zeroed, it begins. It is
 * ended before the turn of the loop is. */
struct store_beside {
	struct statement *rows; /* NULL: it stands nowhere */
	uint64_t asked, at;     /* bodies: the last that was asked for, the next that has a row */
};

/* Whether there is a row of that body, at which b->rows then stands until the next call. The text,
 * always the same of one walk, has the body as its first column: "SELECT body, … WHERE body >= ?
 * ORDER BY body". */
bool store_beside(struct store *s, struct store_beside *b, const char *sql, uint64_t body);
void store_beside_end(struct store_beside *b);

/* store_index.c */
struct store_index {
	struct slice envelope, structure, basic;
	struct buf octets; /* they stand here, unless they are borrowed */
	uint64_t header_size;
	int64_t sent; /* midnight of the Date field's day; INT64_MIN: none */
};
void store_index_make(struct slice message, struct store_index *i);
void store_index_fini(struct store_index *i);

/* That of a body; and borrowed, in a walk beside one over messages, until the next of the walk.
 * False: there is none. */
bool store_index(struct store *s, uint64_t body, struct store_index *i);
bool store_index_beside(
    struct store *s, struct store_beside *b, uint64_t body, struct store_index *i);

/* It comes and goes with the body. The header's size is given apart: lines may stand before what
 * the index was made of. */
enum store_result store_index_add(
    struct store *s, uint64_t body, uint64_t header_size, const struct store_index *i);
enum store_result store_index_remove(struct store *s, uint64_t body);

/* store_body.c */

/* Removes the files whose rows were removed, when that is durable. */
void store_remove_unnamed(struct store *s);

/* Makes a body of octets, or of a file. 0: it cannot be stored (*full: no room). */
uint64_t store_body_add(struct store *s, const struct store_new *n, bool *full);

/* The octets of a small body, or *fd of a large one's file to read. False: gone, or broken. */
bool store_body_read(struct store *s, uint64_t body, struct buf *octets, int *fd, uint64_t *size);

/* One more message has it. */
enum store_result store_body_share(struct store *s, uint64_t body);

/* A message has it no more. With the last one it goes; its file when that is durable. */
enum store_result store_body_release(struct store *s, uint64_t body);

/* store_signature.c */

/* The signature of a body (signature.h), borrowed in a walk beside one over messages, until the
 * next of the walk. False: none was kept. */
bool store_signature(struct store *s, struct store_beside *b, uint64_t body, struct slice *bits);

/* Keeps that of a message's body, if it can and the message is still there; it may be lost by a
 * power cut. */
void store_put_signature(
    struct store *s, uint64_t mailbox, const struct store_message *message, struct slice bits);
enum store_result store_remove_signature(struct store *s, uint64_t body);

/* Calls each for the bodies from a number on, until it returns false: then this does, too. */
struct store_body {
	uint64_t id, size;
	bool is_signed;
};
bool store_each_body(struct store *s, uint64_t from,
    bool (*each)(void *owner, const struct store_body *b), void *owner);

/* These stand in a transaction. */
bool store_sign(struct store *s, uint64_t body, struct slice bits);
bool store_put_signed(struct store *s, uint64_t below);

/* A new body has that number. It may have been another's, which was among the last, and went. */
void store_has_unsigned(struct store *s, uint64_t body);

/* As the store opens: drops those that were made in another way than now. */
void store_check_signatures(struct store *s);

#endif
