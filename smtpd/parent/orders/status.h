/*
 * smtpctl show status: what the parent knows of each process and what the process says of itself.
 * All are asked in turn.
 */
#ifndef SMTPD_PARENT_ORDERS_STATUS_H
#define SMTPD_PARENT_ORDERS_STATUS_H

#include "smtpd/parent/orders/client.h"

void status_begin(struct client *c);

/* What the one that was asked said, and that it is through; or that it does not answer. */
void status_on_line(struct client *c, struct slice text);
void status_on_done(struct client *c, bool answered);

#endif
