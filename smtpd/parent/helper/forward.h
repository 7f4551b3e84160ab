/* lp_forward: a user's .forward, which a helper reads as that user. */
#ifndef SMTPD_PARENT_HELPER_FORWARD_H
#define SMTPD_PARENT_HELPER_FORWARD_H

#include "common/ipc/channel.h"

/* owner: lookup's struct process. */
void helper_on_lp_forward(void *owner, struct ipc_message *m);

#endif
