/*
 * The control socket: smtpctl's orders. The kernel says who asks; only root, or the user that
 * the suite runs as, may give orders.
 */
#ifndef SMTPD_PARENT_ORDERS_CONTROL_H
#define SMTPD_PARENT_ORDERS_CONTROL_H

#include "common/base/error.h"
#include "common/ipc/channel.h"

/* reload: reads the configuration anew, and puts it in force. */
bool control_open(const char *path, bool (*reload)(struct error *why), struct error *why);
void control_close(void);

#endif
