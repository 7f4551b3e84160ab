/*
 * Giving up what root gave: the user, the groups, the file system, stray descriptors and
 * large limits. Every step is checked, and afterwards the way back is tried and must fail.
 */
#ifndef COMMON_SANDBOX_PRIVDROP_H
#define COMMON_SANDBOX_PRIVDROP_H

#include "common/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct privdrop {
	const char *user; /* whom to become; NULL: stay */
	const char *root; /* folder to be locked into; NULL: none */
	bool root_empty;  /* that folder must hold nothing */
	unsigned files;   /* most descriptors; 0: as many as the system grants */
	unsigned tasks;   /* most processes and threads of the user; 0: unchanged */
	bool *ordinary;   /* set to whether an ordinary user started us; may be NULL */
};

/*
 * Sets the limits (no core dumps), the root, the user with exactly its own group, umask 077
 * and the working folder "/". Started by an ordinary user it leaves user and root alone.
 * On failure the process must end: some privileges may be gone and others not.
 */
bool privdrop(const struct privdrop *p, struct error *e);

/* The user's part alone. Neither number may be 0. */
bool privdrop_become(uid_t uid, gid_t gid, struct error *e);

/* No file that the process writes to grows beyond so many octets; before privdrop(), for root could
 * raise it again. To write more is an error (EFBIG). Where the log is a file there is no bound, for
 * it would be the log's too. */
bool privdrop_bound_files(uint64_t octets, struct error *e);

/* Root raises that bound of another process. False: it has to start anew for more. */
bool privdrop_raise_bound(pid_t pid, uint64_t octets);

/* Closes every descriptor from lowest on: a process holds only what it was given. */
void descriptors_close_from(int lowest);

/*
 * In a process that was forked and executes nothing: no signal has a handler any more. The handlers
 * would tell the loop of the process it came from, and whoever it is about to become may send it
 * any signal.
 */
void handlers_drop(void);

#endif
