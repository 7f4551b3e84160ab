/*
 * What tests of the mail store share: a folder, a loop, the room's own state upon them, an account
 * without askers, and an asker that speaks to the verbs over a real channel.
 */
#ifndef TESTS_UNIT_DELIVER_MAILBOX_MAILBOX_TEST_H
#define TESTS_UNIT_DELIVER_MAILBOX_MAILBOX_TEST_H

#include "tests/unit/turns.h"
#include "tests/unit/unit.h"

#include "common/base/buf.h"
#include "common/net/loop.h"
#include "deliver/mailbox/batch.h"
#include "deliver/mailbox/deliver.h"
#include "deliver/mailbox/search/signer.h"
#include "deliver/mailbox/store/body_file.h"
#include "deliver/mailbox/store/mailbox.h"
#include "deliver/mailbox/store/message.h"
#include "deliver/mailbox/verb/verb.h"

extern char test_folder[64];

/* A folder and a loop. */
void test_begin(void);
void test_end(void);

/* A store in the folder, and its INBOX. */
extern struct store test_store;
extern struct store_mailbox test_inbox;
extern int test_broken; /* how often it was said to be */
void test_open_store(void);
void test_close_store(void);

/* Waits until all changes are durable; false when they could not be made so. */
bool test_settle(void);

/* A message of so many octets whose subject is that. */
void test_message(struct buf *out, const char *subject, size_t octets);

/* Stores one, whose file is made first when it is large. */
enum store_result test_store_add(
    struct store *s, struct store_mailbox *m, const struct store_new *message, uint32_t *uid);

/* Stores one in a mailbox; its UID. */
uint32_t test_add(
    struct store_mailbox *m, const char *subject, size_t octets, uint8_t flags, uint64_t envelope);

/* The UIDs of a mailbox as "1 2 5". */
const char *test_uids(const char *mailbox);

/* Files of the folder (or of an account's below it) whose names begin like that. */
int test_count_files(const char *folder, const char *prefix);

/* The number that a statement gives of the store that is open. */
int64_t test_count(const char *sql);

#endif
