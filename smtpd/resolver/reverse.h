/*
 * The name of an address, and whether that name leads back to it.
 */
#ifndef SMTPD_RESOLVER_REVERSE_H
#define SMTPD_RESOLVER_REVERSE_H

#include "common/ipc/channel.h"

/* Answers ar_ptr on the message's channel with ar_name. */
void reverse_answer(struct ipc_message *m);

/* That channel is gone: answers still to come go nowhere. */
void reverse_forget(struct channel *c);

#endif
