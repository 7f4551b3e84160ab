/* smtpctl trace: lines of the log, debugging ones too, go to whoever wants them, as they happen. */
#ifndef SMTPD_PARENT_ORDERS_TRACE_H
#define SMTPD_PARENT_ORDERS_TRACE_H

#include "smtpd/parent/orders/client.h"

/* pa_trace_line of that process. */
void trace_on_line(const struct process *p, struct slice line);

/* A process has begun: it is told what is wanted of it. */
void trace_on_start(struct process *p);

/* smtpctl trace; arguments is an ipc_list of processes and ids. */
void trace_begin(struct client *c, struct slice arguments);

/* The client hangs up; fine when it has no trace. */
void trace_end(struct client *c);

#endif
