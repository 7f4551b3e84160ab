/*
 * The selected mailbox as this session was told of it: UIDs, flags and keywords by sequence
 * number. What mailbox reports goes in at once; what the client hears of it is up to sync.h,
 * for a sequence number may change only when the client can know (RFC 3501 7.4.1).
 */
#ifndef IMAPD_VIEW_H
#define IMAPD_VIEW_H

#include "common/base/buf.h"
#include "common/base/hash.h"
#include "common/ipc/any_mailbox.h"
#include "imapd/sequence.h"

enum {
	IMAP_GONE = 1,     /* expunged, but the client does not know yet */
	IMAP_TELL = 2,     /* its flags are to be sent */
	IMAP_EXPECTED = 4, /* a silent STORE changed it: the client knows what it then has */
};

struct imap_message {
	uint32_t uid;
	uint32_t set;  /* of keywords; 0: none */
	uint8_t flags; /* FLAG_* */
	uint8_t marks;
};

struct imap_keywords {
	uint32_t set;
	char *text; /* " $Forwarded Junk": each with a blank before it */
};

struct imap_view {
	struct imap_message *messages; /* number 1 is messages[0]; by ascending UID */
	size_t count, capacity;
	struct imap_keywords *sets; /* by ascending set */
	size_t set_count;
	struct buf names; /* every keyword seen, each with a blank before it */
	size_t name_count;
	struct hash known; /* them, in small letters */
	struct {
		int mode;               /* STORE_* */
		struct buf keywords;    /* of the last silent STORE, in the form of names */
		uint32_t before, after; /* the sets that were compared last … */
		bool is_known, holds;   /* … and whether the one follows from the other */
	} expected;
	uint64_t modseq; /* all up to this is in it */
	uint32_t uidvalidity, uidnext;
	size_t flags_told; /* in SYNC_TELL: of so many the flags are told, if need be */
	size_t told;       /* how many messages the client knows of */
	size_t told_recent;
	bool is_readonly;
	bool is_stale;         /* mailbox knows more */
	bool is_removed;       /* the mailbox itself is gone */
	bool has_gone;         /* some are marked IMAP_GONE */
	bool has_new_keywords; /* since FLAGS was last sent */
};

void imap_view_fini(struct imap_view *v);

/* Makes room for so many messages before they come, and gives back what they did not take. */
void imap_view_reserve(struct imap_view *v, uint32_t most);
void imap_view_trim(struct imap_view *v);

/* Takes what mailbox sends: packed records (am_messages), UIDs that are gone, a set of keywords. */
void imap_view_records(struct imap_view *v, struct slice records);
void imap_view_gone(struct imap_view *v, struct slice uids);
void imap_view_keywords(struct imap_view *v, uint32_t set, struct slice list);

/* The newest of the sets that it has, 0 where there is none: mailbox sends those after it. */
uint32_t imap_view_newest_set(const struct imap_view *v);

/* A silent STORE does this with an ipc_list of keywords to all that are marked IMAP_EXPECTED: what
 * mailbox then reports is told only where somebody else had a hand in it (RFC 3501 6.4.6). */
void imap_view_expect(struct imap_view *v, int mode, struct slice keywords);

/* The message with that UID, or NULL. */
struct imap_message *imap_view_find(const struct imap_view *v, uint32_t uid);

size_t imap_view_recent(const struct imap_view *v);

/* Appends the flags of a message as "(\Seen $Work)"; and all that exist, with \* if wanted. */
void imap_view_flags(const struct imap_view *v, const struct imap_message *m, struct buf *out);
void imap_view_all_flags(const struct imap_view *v, bool star, struct buf *out);

/*
 * Turns a set of numbers, or of UIDs, into ranges of indexes of the view, sorted; false when a
 * number names no message. The set is resolved by it.
 */
bool imap_view_resolve(const struct imap_view *v, struct imap_set *set, bool is_uid);

/* Ranges that one request to mailbox takes. */
enum { IMAP_RANGES = AM_UIDS / 8 };

/* Appends one of those ranges as mailbox takes it (packed.h); and a whole set, or false when it is
 * longer than one request takes. */
void imap_view_pack(const struct imap_view *v, const struct imap_range *indexes, struct buf *out);
bool imap_view_pack_set(const struct imap_view *v, const struct imap_set *set, struct buf *out);

#endif
