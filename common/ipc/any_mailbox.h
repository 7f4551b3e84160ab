/*
 * imapd and pop3d ─▶ mailbox: the mail store's verbs. No file name ever crosses this line.
 *
 *	am_open ─▶ am_opened | am_no          with lookup's token; the handle names the account after it
 *	am_close                              no answer
 *	am_list ─▶ am_mailbox* ─▶ am_ok
 *	am_status ─▶ am_status_is | am_no
 *	am_create, am_remove, am_rename, am_subscribe, am_expunge, am_store ─▶ am_ok | am_no
 *	am_view ─▶ am_view_is ─▶ am_keywords* ─▶ am_messages* ─▶ am_ok      from then on am_changed comes
 *	am_unview                             no answer; no more am_changed
 *	am_changes ─▶ am_keywords* am_messages* am_gone* ─▶ am_ok           what happened after a modseq
 *	am_fetch ─▶ am_message* ─▶ am_ok      am_more asks for the next batch (after am_batch)
 *	am_search ─▶ am_found* ─▶ am_ok
 *	am_spool ─▶ am_spooled+fd ─▶ am_append     for a message over LIMIT_INLINE
 *	am_append ─▶ am_appended | am_no
 *	am_copy ─▶ am_copied | am_no
 *	am_changed                            unasked: the viewed mailbox has a higher modseq now
 *
 * While CHANNEL_HIGH octets of answers wait to be taken, no further request is: an asker never stops reading.
 * A handle views one mailbox at a time. UIDs come as sorted ranges, pairs of u32 in network
 * order (first, last): packed.h. Every verb that changes something is durable before am_ok (flags: within a second).
 */
#ifndef COMMON_IPC_ANY_MAILBOX_H
#define COMMON_IPC_ANY_MAILBOX_H

#include "common/base/id.h"
#include "common/ipc/protocol.h"

/* System flags, a bit each (RFC 9051 2.3.2). */
enum {
	FLAG_SEEN = 1,
	FLAG_ANSWERED = 2,
	FLAG_FLAGGED = 4,
	FLAG_DELETED = 8,
	FLAG_DRAFT = 16,
	FLAG_RECENT = 32, /* am_messages only: first seen by this view (RFC 3501) */
};

/* Why not; imapd words it (RFC 5530). */
enum am_code {
	AM_TEMPORARY,
	AM_NONEXISTENT,
	AM_ALREADYEXISTS,
	AM_CANNOT,
	AM_LIMIT,
	AM_OVERQUOTA,
	AM_INUSE,
	AM_TRYCREATE,
	AM_AUTHENTICATIONFAILED,
	AM_CORRUPTION,
};

/* Of am_mailbox. */
enum {
	MAILBOX_NOSELECT = 1,
	MAILBOX_SUBSCRIBED = 2,
	MAILBOX_HASCHILDREN = 4,
	MAILBOX_NONEXISTENT = 8
};

/* What am_fetch brings of each message. */
enum {
	WANT_DATE = 1,
	WANT_SIZE = 2,
	WANT_ENVELOPE = 4,
	WANT_STRUCTURE = 8,
	WANT_BODY = 16 /* BODY, no extension data */,
	WANT_HEADER = 32 /* the header's octets, blank line and all */,
	WANT_OCTETS = 64 /* the whole message */,
};

enum { STORE_REPLACE, STORE_ADD, STORE_REMOVE };

/* One record of am_messages, packed in network order: uid u32, modseq u64, keyword set u32, flags u8. */
enum { AM_RECORD = 17 };

/* Octets that fit into one message, for whoever gathers them. */
enum {
	AM_UIDS = 64000,        /* UIDs, ranges of them, or records */
	AM_COPIED_UIDS = 60000, /* ranges in am_copied, which has them twice */
	AM_INDEX = 60000,       /* an envelope; a structure */
	AM_INDEX_WHOLE = 20000, /* of a longer one some may be left out: all octets come with it */
	AM_PROGRAM = 64000,     /* of SEARCH */
};

/* clang-format off */
#define AM_OPEN(F, m)            /* kind  name       least most */ \
	F(m, octets, token,     TOKEN_OCTETS, TOKEN_OCTETS) \
	F(m, u8,     exclusive, 0, 1)              /* pop3d: AM_INUSE when another pop3d has it (RFC 1939 4) */
#define AM_OPENED(F, m) \
	F(m, u32,    handle,    1, UINT32_MAX)
#define AM_HANDLE(F, m) \
	F(m, u32,    handle,    1, UINT32_MAX)
#define AM_NAME(F, m) \
	F(m, u32,    handle,    1, UINT32_MAX) \
	F(m, text,   name,      1, LIMIT_MAILBOX_NAME)    /* UTF-8, levels parted by / */
#define AM_MAILBOX(F, m) \
	F(m, u64,    mailbox,   0, UINT64_MAX)     /* its id, never used again; 0: only subscribed */ \
	F(m, text,   name,      1, LIMIT_MAILBOX_NAME) \
	F(m, u8,     flags,     0, 15) \
	F(m, text,   special_use, 0, 32)           /* \Sent and its like, RFC 6154; empty: none */
#define AM_STATUS_IS(F, m) \
	F(m, u64,    mailbox,   1, UINT64_MAX) \
	F(m, u32,    uidvalidity, 1, UINT32_MAX) \
	F(m, u32,    uidnext,   1, UINT32_MAX) \
	F(m, u32,    messages,  0, UINT32_MAX) \
	F(m, u32,    unseen,    0, UINT32_MAX) \
	F(m, u32,    recent,    0, UINT32_MAX) \
	F(m, u32,    deleted,   0, UINT32_MAX) \
	F(m, u64,    size,      0, UINT64_MAX) \
	F(m, u64,    modseq,    0, UINT64_MAX)
#define AM_CREATE(F, m) \
	F(m, u32,    handle,    1, UINT32_MAX) \
	F(m, text,   name,      1, LIMIT_MAILBOX_NAME) \
	F(m, text,   special_use, 0, 32)
#define AM_RENAME(F, m) \
	F(m, u32,    handle,    1, UINT32_MAX) \
	F(m, text,   name,      1, LIMIT_MAILBOX_NAME) \
	F(m, text,   to,        1, LIMIT_MAILBOX_NAME)
#define AM_SUBSCRIBE(F, m) \
	F(m, u32,    handle,    1, UINT32_MAX) \
	F(m, text,   name,      1, LIMIT_MAILBOX_NAME) \
	F(m, u8,     on,        0, 1)
#define AM_VIEW(F, m) \
	F(m, u32,    handle,    1, UINT32_MAX) \
	F(m, text,   name,      1, LIMIT_MAILBOX_NAME) \
	F(m, u8,     readonly,  0, 1)              /* EXAMINE: \Recent is not taken */
#define AM_VIEW_IS(F, m) \
	F(m, u32,    uidvalidity, 1, UINT32_MAX) \
	F(m, u32,    uidnext,   1, UINT32_MAX) \
	F(m, u64,    modseq,    0, UINT64_MAX)     /* the view is as of this */
#define AM_KEYWORDS(F, m)        /* a set of keywords that records may name from now on; 0 is the empty set */ \
	F(m, u32,    set,       1, UINT32_MAX) \
	F(m, octets, keywords,  0, 110000)         /* an ipc_list */
#define AM_MESSAGES(F, m) \
	F(m, octets, records,   0, AM_UIDS)        /* AM_RECORD octets each, by ascending uid */
#define AM_GONE(F, m) \
	F(m, octets, uids,      0, AM_UIDS)        /* u32 each, in no order */
#define AM_CHANGES(F, m) \
	F(m, u32,    handle,    1, UINT32_MAX) \
	F(m, u64,    since,     0, UINT64_MAX) \
	F(m, u32,    set,       0, UINT32_MAX)     /* the newest set of keywords that the asker has */
#define AM_CHANGED(F, m) \
	F(m, u32,    handle,    1, UINT32_MAX) \
	F(m, u64,    modseq,    0, UINT64_MAX) \
	F(m, u8,     removed,   0, 1)              /* the mailbox itself is gone */
#define AM_FETCH(F, m) \
	F(m, u32,    handle,    1, UINT32_MAX) \
	F(m, octets, uids,      0, AM_UIDS)        /* ranges */ \
	F(m, u8,     want,      0, 127)
#define AM_MESSAGE(F, m)         /* the whole message comes in octets, or as a file when it is over LIMIT_INLINE */ \
	F(m, u32,    uid,       1, UINT32_MAX) \
	F(m, i64,    date,      0, 0)              /* INTERNALDATE, seconds since 1970 */ \
	F(m, u64,    size,      0, LIMIT_MESSAGE_HARD) \
	F(m, octets, envelope,  0, AM_INDEX)       /* as IMAP sends it */ \
	F(m, octets, structure, 0, AM_INDEX) \
	F(m, octets, octets,    0, LIMIT_INLINE)   /* what WANT_HEADER or WANT_OCTETS asked for */
#define AM_SEARCH(F, m) \
	F(m, u32,    handle,    1, UINT32_MAX) \
	F(m, octets, uids,      0, 16000)          /* ranges to look at */ \
	F(m, octets, program,   1, AM_PROGRAM)     /* common/mail/search.h */
#define AM_FOUND(F, m) \
	F(m, octets, uids,      0, AM_UIDS)        /* u32 each, ascending */
#define AM_STORE(F, m) \
	F(m, u32,    handle,    1, UINT32_MAX) \
	F(m, octets, uids,      0, AM_UIDS) \
	F(m, u8,     mode,      0, STORE_REMOVE) \
	F(m, u8,     flags,     0, 31) \
	F(m, octets, keywords,  0, 32000)          /* an ipc_list */
#define AM_SPOOLED(F, m) \
	F(m, u32,    spool,     1, UINT32_MAX)
#define AM_APPEND(F, m) \
	F(m, u32,    handle,    1, UINT32_MAX) \
	F(m, text,   name,      1, LIMIT_MAILBOX_NAME) \
	F(m, u8,     flags,     0, 31) \
	F(m, octets, keywords,  0, 32000) \
	F(m, i64,    date,      0, 0)              /* INTERNALDATE, seconds since 1970 */ \
	F(m, u32,    spool,     0, UINT32_MAX)     /* 0: inline */ \
	F(m, u64,    size,      0, LIMIT_MESSAGE_HARD) \
	F(m, octets, octets,    0, LIMIT_INLINE)
#define AM_APPENDED(F, m) \
	F(m, u32,    uidvalidity, 1, UINT32_MAX) \
	F(m, u32,    uid,       1, UINT32_MAX)
#define AM_COPY(F, m) \
	F(m, u32,    handle,    1, UINT32_MAX) \
	F(m, octets, uids,      0, AM_UIDS) \
	F(m, text,   to,        1, LIMIT_MAILBOX_NAME) \
	F(m, u8,     move,      0, 1)
#define AM_COPIED(F, m) \
	F(m, u32,    uidvalidity, 1, UINT32_MAX) \
	F(m, octets, from,      0, AM_COPIED_UIDS) /* ranges, in the order of … */ \
	F(m, octets, to,        0, AM_COPIED_UIDS) /* … these; both empty when nothing was there to copy */
#define AM_EXPUNGE(F, m) \
	F(m, u32,    handle,    1, UINT32_MAX) \
	F(m, octets, uids,      0, AM_UIDS) \
	F(m, u8,     only_deleted, 0, 1)           /* 1: those of them with \Deleted; 0: all (pop3d) */
#define AM_OK(F, m) \
	F(m, u64,    modseq,    0, UINT64_MAX)
#define AM_NO(F, m) \
	F(m, u8,     code,      0, AM_CORRUPTION) \
	F(m, text,   text,      0, 300)
#define ANY_MAILBOX(M)           /* name  number  fields  descriptor */ \
	M(am_open,      0x1001, AM_OPEN,      FD_NONE) \
	M(am_opened,    0x1002, AM_OPENED,    FD_NONE) \
	M(am_close,     0x1003, AM_HANDLE,    FD_NONE) \
	M(am_list,      0x1004, AM_HANDLE,    FD_NONE) \
	M(am_mailbox,   0x1005, AM_MAILBOX,   FD_NONE) \
	M(am_status,    0x1006, AM_NAME,      FD_NONE) \
	M(am_status_is, 0x1007, AM_STATUS_IS, FD_NONE) \
	M(am_create,    0x1008, AM_CREATE,    FD_NONE) \
	M(am_remove,    0x1009, AM_NAME,      FD_NONE) \
	M(am_rename,    0x100a, AM_RENAME,    FD_NONE) \
	M(am_subscribe, 0x100b, AM_SUBSCRIBE, FD_NONE) \
	M(am_view,      0x100c, AM_VIEW,      FD_NONE) \
	M(am_view_is,   0x100d, AM_VIEW_IS,   FD_NONE) \
	M(am_unview,    0x100e, AM_HANDLE,    FD_NONE) \
	M(am_keywords,  0x100f, AM_KEYWORDS,  FD_NONE) \
	M(am_messages,  0x1010, AM_MESSAGES,  FD_NONE) \
	M(am_gone,      0x1011, AM_GONE,      FD_NONE) \
	M(am_changes,   0x1012, AM_CHANGES,   FD_NONE) \
	M(am_changed,   0x1013, AM_CHANGED,   FD_NONE) \
	M(am_fetch,     0x1014, AM_FETCH,     FD_NONE) \
	M(am_message,   0x1015, AM_MESSAGE,   FD_MAYBE) \
	M(am_batch,     0x1016, IPC_EMPTY,    FD_NONE) \
	M(am_more,      0x1017, IPC_EMPTY,    FD_NONE) \
	M(am_search,    0x1018, AM_SEARCH,    FD_NONE) \
	M(am_found,     0x1019, AM_FOUND,     FD_NONE) \
	M(am_store,     0x101a, AM_STORE,     FD_NONE) \
	M(am_spool,     0x101b, AM_HANDLE,    FD_NONE) \
	M(am_spooled,   0x101c, AM_SPOOLED,   FD_FILE) \
	M(am_append,    0x101d, AM_APPEND,    FD_NONE) \
	M(am_appended,  0x101e, AM_APPENDED,  FD_NONE) \
	M(am_copy,      0x101f, AM_COPY,      FD_NONE) \
	M(am_copied,    0x1020, AM_COPIED,    FD_NONE) \
	M(am_expunge,   0x1021, AM_EXPUNGE,   FD_NONE) \
	M(am_ok,        0x1022, AM_OK,        FD_NONE) \
	M(am_no,        0x1023, AM_NO,        FD_NONE)
/* clang-format on */

IPC_DECLARE(ANY_MAILBOX)

/*
 * The late() of who asks: nobody waits any more for the account that mailbox has opened; left
 * open, it would stay so.
 */
void any_mailbox_late(void *place, struct ipc_message *m);

#endif
