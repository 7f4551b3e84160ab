/*
 * What the processes count: the events of smtpd-log(7), since the suite was started. What a process
 * counted stays when it dies.
 */
#ifndef SMTPD_PARENT_ORDERS_STATS_H
#define SMTPD_PARENT_ORDERS_STATS_H

#include "smtpd/parent/orders/client.h"

/* pa_count: the process's own count; a name that is none is passed over. */
void stats_on_count(struct process *p, struct slice name, uint64_t count);

/* The process is gone; the next one in its place counts from 0. */
void stats_on_exit(struct process *p);

/* All of one event, of log_events.h or LOG_COUNT_DEFERRED. */
uint64_t stats_total(int count);

/* Open connections of those that live: the sessions of one that died went with it. */
uint64_t stats_sessions(void);

/* smtpctl show stats. */
void stats_show(struct client *c);

#endif
