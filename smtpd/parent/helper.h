/*
 * What only root can do for the children, each in a process of its own that ends after it: check
 * a system user's password, open a user's .forward, run an agent as its recipient.
 */
#ifndef SMTPD_PARENT_HELPER_H
#define SMTPD_PARENT_HELPER_H

#include "common/ipc/channel.h"

#include <sys/types.h>

void helper_on_lp_check(void *owner, struct ipc_message *m);
void helper_on_lp_forward(void *owner, struct ipc_message *m);
void helper_on_qa_deliver(void *owner, struct ipc_message *m);

/* A child has ended that is none of the suite's processes. */
void helper_on_exit(pid_t pid, int status);

#endif
