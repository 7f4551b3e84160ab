/*
 * The messages of a mailbox: what is said of each, and the changes of many.
 */
#ifndef DELIVER_MAILBOX_STORE_MESSAGE_H
#define DELIVER_MAILBOX_STORE_MESSAGE_H

#include "deliver/mailbox/store/mailbox.h"

struct store_index;

struct store_message {
	uint32_t uid, set;
	uint64_t modseq, body, size;
	int64_t date;
	uint8_t flags;
};

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

/* Copies all of a mailbox's messages with those UIDs, of which there are so many, in less
 * time; the first copy has *uid, the others those behind it. */
struct store_range {
	uint64_t mailbox;
	uint32_t first, last, count;
};
enum store_result store_copy_range(struct store *s, struct store_mailbox *to,
    const struct store_range *range, uint64_t modseq, uint32_t *uid);
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

#endif
