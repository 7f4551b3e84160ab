/* A new configuration goes to all processes; whoever asked for it hears when all have taken it. */
#ifndef SMTPD_PARENT_APPLY_H
#define SMTPD_PARENT_APPLY_H

#include "smtpd/parent/orders/client.h"

/* Gives the configuration in force to every process that runs. */
void apply_begin(void);

/* Ends the client's order when all have taken it, or when APPLY_SECONDS are over. */
void apply_wait(struct client *c);

/* The client hangs up; fine when it does not wait. */
void apply_end(struct client *c);

/* A process has taken it, or has begun with it. */
void apply_go_on(void);

#endif
