/*
 * What the processes count: the events of smtpd-log(7), since the suite was started. What a process
 * counted stays when it dies.
 */
#ifndef SMTPD_PARENT_STATS_H
#define SMTPD_PARENT_STATS_H

#include "common/base/slice.h"

struct process;

/* pa_count: the process's own count; a name that is none is passed over. */
void stats_on_count(struct process *p, struct slice name, uint64_t count);

/* The process is gone; the next one in its place counts from 0. */
void stats_on_exit(struct process *p);

#endif
