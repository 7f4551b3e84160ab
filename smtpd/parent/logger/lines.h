/*
 * What the processes write to their standard error, made into lines: halves are joined, what is
 * too long is cut, what is no plain text is made plain, and nobody speaks in another's name.
 */
#ifndef SMTPD_PARENT_LOGGER_LINES_H
#define SMTPD_PARENT_LOGGER_LINES_H

#include "common/base/buf.h"
#include "common/base/log.h"

enum { LINES_MOST = 8 * 1024 };

struct lines {
	struct buf rest; /* a line whose end has not come; never longer than LINES_MOST */
};

/*
 * Takes octets as they were read; calls taken() for each line that they end, without its end.
 * lines_end() gives what is left when no more will come, and frees.
 */
void lines_add(struct lines *l, struct slice octets, void (*taken)(void *owner, struct slice line),
    void *owner);
void lines_end(struct lines *l, void (*taken)(void *owner, struct slice line), void *owner);

/*
 * The line as it goes to the system's log: "name: " in front if it is not there, anything but
 * printable ASCII as '?'. Its level is that of its event; of a line that has none, a warning.
 */
enum log_level lines_clean(struct buf *out, const char *name, struct slice line);

#endif
