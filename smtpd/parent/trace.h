/* smtpctl trace: lines of the log, debugging ones too, go to whoever wants them, as they happen. */
#ifndef SMTPD_PARENT_TRACE_H
#define SMTPD_PARENT_TRACE_H

#include "common/base/slice.h"

struct process;

/* pa_trace_line of that process. */
void trace_on_line(const struct process *p, struct slice line);

/* A process has begun: it is told what is wanted of it. */
void trace_on_start(struct process *p);

#endif
