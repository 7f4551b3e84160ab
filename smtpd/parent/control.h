/*
 * The control socket: smtpctl's orders. The kernel says who asks; only root, or the user that
 * the suite runs as, may give orders.
 */
#ifndef SMTPD_PARENT_CONTROL_H
#define SMTPD_PARENT_CONTROL_H

#include "common/base/error.h"
#include "common/ipc/channel.h"

bool control_open(const char *path, struct error *why);
void control_close(void);

/* main.c's: what is in force is parsed anew. */
bool parent_reload(struct error *why);

#endif
