/*
 * The way to the system's logger: what syslog(3) does, facility mail, but it never waits for a
 * logger that is stuck or gone. Some lines are kept for it; what is more is lost and counted.
 */
#ifndef SMTPD_PARENT_LOGGER_RECORD_H
#define SMTPD_PARENT_LOGGER_RECORD_H

#include "common/base/log.h"

#include <sys/types.h>

/* path: the logger's socket; NULL: the system's. Begins to connect; a logger that comes later is
 * found. */
void record_open(const char *path);
void record_close(void);

/* One line of the process pid. */
void record_line(enum log_level level, pid_t pid, struct slice line);

/* So much waits that nobody should read more lines now; resumed() is called when that is over. */
bool record_is_full(void);
void record_on_room(void (*resumed)(void));

#endif
