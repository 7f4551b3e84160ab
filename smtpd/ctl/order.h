/*
 * One order to the running suite, over the control socket: its answer goes to
 * standard output line by line as it comes.
 */
#ifndef SMTPD_CTL_ORDER_H
#define SMTPD_CTL_ORDER_H

#include "common/base/slice.h"
#include "smtpd/ctl/ctl.h"

/* Gives the order with its n arguments and waits for its end. Returns the exit
 * code, having said why when it is not CTL_OK. */
int order_give(const struct ctl *ctl, const char *verb, const struct slice *arguments, size_t n);

#endif
