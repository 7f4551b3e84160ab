/*
 * What each process may say to the parent: all of them the same few words about themselves, and
 * beyond that only what IPC_ORDERS in common/ipc/edges.h has for its kind. The parent is root, so
 * any other message is a violation, however well it is formed.
 */
#ifndef SMTPD_PARENT_CHILD_HANDLERS_H
#define SMTPD_PARENT_CHILD_HANDLERS_H

#include "common/ipc/channel.h"
#include "common/sandbox/sandbox.h"

/* For the line to a process of that kind; the handlers' owner is its struct process. */
const struct ipc_handler *handlers_of(enum sandbox_role role);

#endif
