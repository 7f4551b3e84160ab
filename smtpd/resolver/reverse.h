/*
 * The name of an address, and whether that name leads back to it.
 */
#ifndef SMTPD_RESOLVER_REVERSE_H
#define SMTPD_RESOLVER_REVERSE_H

#include "common/ipc/any_resolver.h"
#include "common/ipc/asker.h"

/* Answers ar_ptr with ar_name. */
void reverse_answer(struct ipc_asker asker, const struct ar_ptr *q);

#endif
