/* qa_deliver: an agent delivers one message as its recipient. */
#ifndef SMTPD_PARENT_HELPER_AGENT_H
#define SMTPD_PARENT_HELPER_AGENT_H

#include "common/ipc/channel.h"

/* owner: queue's struct process. */
void helper_on_qa_deliver(void *owner, struct ipc_message *m);

#endif
