/* The pid files. Whoever holds the lock on the one in the run folder is the suite there. */
#ifndef SMTPD_PARENT_PIDLOCK_H
#define SMTPD_PARENT_PIDLOCK_H

#include "common/base/error.h"

enum { PIDLOCKS = 2 };

/* Takes the file and writes our pid. False: it cannot be, or another suite has it, whose pid is
 * named. */
bool pidlock_take(const char *path, struct error *why);

/* Removes all that were taken. */
void pidlock_release(void);

#endif
