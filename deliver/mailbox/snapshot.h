/*
 * The records of a mailbox's messages as a view tells them (am_messages), kept in memory for the
 * next session that views it: to read 50,000 rows takes six times as long as to send their records.
 * What changed since is read when somebody asks.
 */
#ifndef DELIVER_MAILBOX_SNAPSHOT_H
#define DELIVER_MAILBOX_SNAPSHOT_H

#include "deliver/mailbox/account.h"
#include "deliver/mailbox/store/message.h"

/* Appends a message's record of AM_RECORD octets, without \Recent, which each view knows itself. */
void record_add(struct buf *records, const struct store_message *m);
uint32_t record_uid(const char *record);

/* Those of the records, which ascend, whose UID is not below. */
struct slice records_from(struct slice records, uint32_t uid);

/*
 * The records of a mailbox as they are now, until the account changes. False when none are kept, or
 * when too much changed: then they must be read, and may be kept. The store is open.
 */
bool snapshot_find(struct account *a, uint64_t mailbox, struct slice *records);

/* Keeps records that hold all that changed up to modseq; takes the buffer, empty afterwards. */
void snapshot_keep(struct account *a, uint64_t mailbox, uint64_t modseq, struct buf *records);

/*
 * Of what was expunged up to known: the modseq up to which no snapshot of the mailbox reads it any
 * more. One that nobody has used for long goes.
 */
uint64_t snapshot_known(struct account *a, uint64_t mailbox, uint64_t known);

void snapshots_forget(struct account *a);

#endif
