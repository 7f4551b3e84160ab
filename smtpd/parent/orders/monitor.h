/* smtpctl monitor: a line a second of what came to pass, until it hangs up. */
#ifndef SMTPD_PARENT_ORDERS_MONITOR_H
#define SMTPD_PARENT_ORDERS_MONITOR_H

#include "smtpd/parent/orders/client.h"

void monitor_begin(struct client *c);

/* The client hangs up; fine when it has no monitor. */
void monitor_end(struct client *c);

#endif
