/* What a process is given by the parent: its part of the configuration, and lines to others. */
#ifndef SMTPD_PARENT_CHILD_JOIN_H
#define SMTPD_PARENT_CHILD_JOIN_H

#include "smtpd/parent/child/process.h"

/* Each is false, and has said why, when something could not be given: the process lacks it from then
 * on, so it must end, and begin anew. */

/* The configuration in force, with the sockets and keys that are new to it. */
bool join_send_conf(struct process *p);

/* A line to each neighbour that runs; only to those before it in the list while all start. */
bool join_all(struct process *p, bool only_with_earlier);

#endif
