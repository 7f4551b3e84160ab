/*
 * What tests of the queue's room share: a folder, a loop, and the room's own state upon them.
 */
#ifndef TESTS_UNIT_QUEUE_QUEUE_TEST_H
#define TESTS_UNIT_QUEUE_QUEUE_TEST_H

#include "tests/unit/turns.h"
#include "tests/unit/unit.h"

#include "common/net/loop.h"
#include "queue/ids.h"
#include "queue/queue.h"
#include "queue/schedule/schedule.h"
#include "queue/store/spool.h"

/* The folder of this test. */
extern char test_folder[64];

/* A folder with a store and a spool, and a schedule that starts attempts with these calls; with
 * NULL none begins. */
void test_open(const struct schedule_calls *calls);
void test_close(void);

/* A store that must not break. */
struct store *test_open_store(const char *folder);

void test_make_folder(void);
void test_remove_folder(void);

/* Ours of that file, to have it fail. */
int test_descriptor_of(const char *path);

#endif
