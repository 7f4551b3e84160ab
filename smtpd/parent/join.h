/* What a process is given by the parent: its part of the configuration, and lines to others. */
#ifndef SMTPD_PARENT_JOIN_H
#define SMTPD_PARENT_JOIN_H

#include "smtpd/parent/process.h"

/* The configuration in force, with the sockets and keys that are new to it. */
void join_send_conf(struct process *p);

/* A line to each neighbour that runs; only to those before it in the list while all start. */
void join_all(struct process *p, bool only_with_earlier);

#endif
