/*
 * What a process tells the parent of its log: how often each event came to pass, for smtpctl show
 * stats, and the lines themselves while smtpctl trace wants them.
 */
#ifndef COMMON_CONF_REPORT_H
#define COMMON_CONF_REPORT_H

#include "common/ipc/channel.h"

void report_begin(struct channel *parent);

/* Sends what was not sent yet; afterwards nothing more. */
void report_end(void);

/* pa_trace: somebody wants the lines, or nobody any more. */
void report_on_trace(void *owner, struct ipc_message *m);

/*
 * Whether the line is about one of the ids, an ipc_list; any line is when there is none. Debugging
 * lines show ids as numbers, which count as well.
 */
bool report_is_about(struct slice line, struct slice ids);

#endif
