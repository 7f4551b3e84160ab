/*
 * What a unit syncs, for tests of durability. The fsync() and fdatasync() of sync.c stand before
 * libc's, also for SQLite: they note the file, sync it, and may be told to fail.
 */
#ifndef TESTS_UNIT_SYNC_H
#define TESTS_UNIT_SYNC_H

#include <stdbool.h>

/* This file or folder was synced since the start, or since sync_forget(). */
bool sync_was(const char *path);
void sync_forget(void);

/* The nth sync from now (1 is the next) fails with EIO, as that of a broken disk. */
void sync_fail_at(unsigned n);

/* While it holds, syncs of other threads wait; how many did so, or ran, at one time. */
void sync_hold(bool holds);
unsigned sync_most_at_once(void);

#endif
