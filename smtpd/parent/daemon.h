/*
 * The parent as a daemon: it begins from a clean state whoever started it, goes to the background,
 * and whoever started it waits, so that the exit status tells whether the suite runs.
 */
#ifndef SMTPD_PARENT_DAEMON_H
#define SMTPD_PARENT_DAEMON_H

#include "common/base/error.h"

/*
 * Before all else: standard input, output and error are there, no signal is blocked or ignored,
 * files are made for their owner alone, and as many descriptors may be open as the system grants.
 */
void daemon_clean(void);

/*
 * In the foreground, for all processes: where standard error is a pipe, whoever does not read it
 * stops none of them. It is opened anew, so it is no other thing for those who gave it to us. Where
 * that cannot be it stays as it is.
 */
void daemon_unblock_log(void);

/*
 * Goes on in the background, in a session of its own, in /, away from the terminal; standard error
 * stays when it leads to the service manager's journal (*journal). The process that was called
 * does not return from here: it waits for daemon_tell().
 */
bool daemon_begin(bool *journal, struct error *why);

/* NULL: all runs, exit 0. Else why not: that is printed, exit 1. Only the first call counts. */
void daemon_tell(const char *error);

#endif
