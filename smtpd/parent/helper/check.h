/* lp_check: a system user's password. Its hash is read by a helper, and leaves it as yes or no. */
#ifndef SMTPD_PARENT_HELPER_CHECK_H
#define SMTPD_PARENT_HELPER_CHECK_H

#include "common/ipc/channel.h"

/* owner: lookup's struct process. */
void helper_on_lp_check(void *owner, struct ipc_message *m);

#endif
